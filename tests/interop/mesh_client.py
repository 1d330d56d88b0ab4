"""Calls a node of the mesh with Python's gRPC and stubs made from proto/v1, and prints what came back as one JSON object.

usage: mesh_client.py ADDRESS ACTION [JSON [METADATA]]
       mesh_client.py --check

ADDRESS  host:port, plaintext
ACTION   join, leave, status, get-node, list-nodes, list-peers, put-acl, delete-acl, get-acl, list-acls,
         or services: the names that reflection lists
JSON     the request's fields by their names in the .proto files, {} if left out
METADATA a JSON object of texts to send along; values of names that end in -bin are base64, as in what is printed
--check  only find out whether grpcio and grpcio-tools are there

The object has `code` (the status code's name), `details`, `headers`, `trailers`, `seconds`, and `response` if the code is OK.
Exit code 0 whatever the status; 3 if a Python module is missing, which standard error names.
"""

import base64
import importlib
import importlib.util
import json
import pathlib
import sys
import tempfile
import time

try:
    import grpc
    import grpc_tools
    from google.protobuf import empty_pb2, json_format
    from grpc_tools import protoc
except ImportError as error:
    print(f"there is no Python module {error.name}", file=sys.stderr)
    sys.exit(3)

PROTO = pathlib.Path(__file__).resolve().parent.parent.parent / "proto"
DEADLINE_SECONDS = 20

# Action to service's file, service, method, and the request's file and message; no file means google.protobuf.Empty.
ACTIONS = {
    "join": ("node", "Node", "Join", "node_messages", "JoinRequest"),
    "leave": ("node", "Node", "Leave", "node_messages", "LeaveRequest"),
    "status": ("node", "Node", "GetStatus", "node_messages", "GetStatusRequest"),
    "get-node": ("mesh", "Mesh", "GetNode", "mesh_messages", "GetNodeRequest"),
    "list-nodes": ("mesh", "Mesh", "ListNodes", None, "Empty"),
    "list-peers": ("peer_discovery", "PeerDiscovery", "ListPeers", None, "Empty"),
    "put-acl": ("admin", "Admin", "PutRaftACL", "admin_messages", "RaftACL"),
    "delete-acl": ("admin", "Admin", "DeleteRaftACL", "admin_messages", "DeleteRaftACLRequest"),
    "get-acl": ("admin", "Admin", "GetRaftACL", "admin_messages", "GetRaftACLRequest"),
    "list-acls": ("admin", "Admin", "ListRaftACLs", None, "Empty"),
}


def generate_stubs(folder):
    """Makes `folder` importable with the modules v1.*_pb2 and v1.*_pb2_grpc."""
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    files = sorted(str(file) for file in (PROTO / "v1").glob("*.proto"))
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    if protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", *outputs, *files]) != 0:
        sys.exit("protoc cannot read proto/v1")
    sys.path.insert(0, folder)


def services(channel, folder):
    """The names of the services, as reflection lists them; the object to print."""
    # Its package is called as this library is: the module is loaded by its file.
    name = "grpc/reflection/v1/reflection"
    if protoc.main(["protoc", f"-I{PROTO}", f"--python_out={folder}", f"{name}.proto"]) != 0:
        sys.exit(f"protoc cannot read proto/{name}.proto")
    spec = importlib.util.spec_from_file_location("reflection_pb2", f"{folder}/{name}_pb2.py")
    messages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(messages)
    reflect = channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=messages.ServerReflectionRequest.SerializeToString,
        response_deserializer=messages.ServerReflectionResponse.FromString,
    )
    asked = reflect(iter([messages.ServerReflectionRequest(list_services="")]), timeout=DEADLINE_SECONDS)
    try:
        listed = [service.name for answer in asked for service in answer.list_services_response.service]
    except grpc.RpcError as error:
        return result(error, None)
    return result(asked, {"services": listed})


def call(channel, action, fields, metadata):
    """One call; the object to print."""
    service_file, service, method, request_file, message = ACTIONS[action]
    messages = importlib.import_module(f"v1.{request_file}_pb2") if request_file else empty_pb2
    request = json_format.ParseDict(fields, getattr(messages, message)())
    stub = getattr(importlib.import_module(f"v1.{service_file}_pb2_grpc"), f"{service}Stub")(channel)
    sent = [(name, base64.b64decode(text) if name.endswith("-bin") else text) for name, text in metadata.items()]
    try:
        response, ended = getattr(stub, method).with_call(request, timeout=DEADLINE_SECONDS, metadata=sent)
    except grpc.RpcError as error:
        return result(error, None)
    return result(ended, json_format.MessageToDict(response, preserving_proto_field_name=True))


def result(ended, response):
    """What the ended call came to."""
    described = {
        "code": ended.code().name,
        "details": ended.details(),
        "headers": readable(ended.initial_metadata()),
        "trailers": readable(ended.trailing_metadata()),
    }
    return described if response is None else {**described, "response": response}


def readable(metadata):
    """Metadata as JSON can have it."""
    pairs = metadata or ()
    return {name: base64.b64encode(value).decode() if isinstance(value, bytes) else value for name, value in pairs}


def main():
    if sys.argv[1:] == ["--check"]:
        return
    if len(sys.argv) not in (3, 4, 5) or sys.argv[2] not in (*ACTIONS, "services"):
        sys.exit(__doc__)
    address, action = sys.argv[1:3]
    fields, metadata = ([json.loads(text) for text in sys.argv[3:]] + [{}, {}])[:2]
    with tempfile.TemporaryDirectory(prefix="weft-interop-") as folder:
        generate_stubs(folder)
        start = time.monotonic()
        with grpc.insecure_channel(address) as channel:
            described = services(channel, folder) if action == "services" else call(channel, action, fields, metadata)
        print(json.dumps({**described, "seconds": round(time.monotonic() - start, 3)}))


if __name__ == "__main__":
    main()
