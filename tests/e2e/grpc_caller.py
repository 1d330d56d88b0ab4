"""Calls nodes with Python's gRPC and stubs that grpc_tools makes from proto/: a client that shares no code with the server.

Reads one JSON object per line from standard input and answers each with one line of JSON:

{"open": {NAME: {"target": …, "ca": …, "cert": …, "key": …}}}
    makes channels; plaintext without "ca", and with a client certificate if there is one. Answers {}.
{"calls": [CALL, …], "together": BOOL}
    makes the calls one after the other, or all at the same time; answers {"results": [RESULT, …]}.
{"reflect": NAME}
    asks both versions of reflection on a channel; answers {"v1": …, "v1alpha": …}, each {SERVICE: {METHOD: KIND}}, KIND
    one of "unary", "server", "client" and "bidi".

CALL    {"channel", "service", "method", "request", "raw", "metadata", "seconds", "take", "at_once"}: request is
        the protobuf JSON of one message or a list of them; raw is a list of messages in base64, in its place; take ends the
        call after so many responses; at_once makes so many calls at the same time.
RESULT  {"code", "details", "headers", "trailers", "responses", "said"}: said has all codes of at_once, each with details that came with it.
"""

import base64
import concurrent.futures
import importlib
import itertools
import json
import pathlib
import sys
import tempfile
import threading

import grpc
import grpc_tools
from google.protobuf import descriptor_pb2, json_format, message_factory
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parent.parent.parent / "proto"
SECONDS = 20
THREADS = 50
KINDS = {(False, False): "unary", (False, True): "server", (True, False): "client", (True, True): "bidi"}
OPTIONS = [("grpc.enable_retries", 0), ("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 1 << 20)]


def generate_stubs(folder):
    """Generates all stubs and imports them; module of the stubs and descriptor, by the service's full name."""
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    source, stubs = pathlib.Path(folder, "proto"), pathlib.Path(folder, "stubs")
    stubs.mkdir()
    files = sorted(file.relative_to(PROTO) for file in PROTO.glob("**/*.proto"))
    for file in files:
        copy = source / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        # A protoc from before 3.12 does not know the word in proto3; on the wire it makes no difference.
        copy.write_text((PROTO / file).read_text().replace("  optional ", "  "))
    outputs = [f"--python_out={stubs}", f"--grpc_python_out={stubs}"]
    if protoc.main(["protoc", f"-I{source}", f"-I{well_known}", *outputs, *(f"{source}/{file}" for file in files)]) != 0:
        sys.exit("protoc cannot read proto/")
    sys.path.insert(0, str(stubs))
    # The protocols of gRPC itself are in a package that is called as this library is.
    grpc.__path__.append(f"{stubs}/grpc")
    found = {}
    for file in files:
        module = ".".join(file.with_suffix("").parts)
        for service in importlib.import_module(f"{module}_pb2").DESCRIPTOR.services_by_name.values():
            found[service.full_name] = (importlib.import_module(f"{module}_pb2_grpc"), service)
    return found


def message_class(descriptor):
    newer = getattr(message_factory, "GetMessageClass", None)
    return newer(descriptor) if newer else message_factory.MessageFactory().GetPrototype(descriptor)


def readable(metadata):
    """Metadata as JSON can have it."""
    pairs = metadata or ()
    return {name: base64.b64encode(value).decode() if isinstance(value, bytes) else value for name, value in pairs}


class Caller:
    def __init__(self, services):
        self.services = services
        self.channels = {}

    def answer(self, asked):
        if "open" in asked:
            return self.open(asked["open"])
        if "reflect" in asked:
            return self.reflect(asked["reflect"])
        if asked.get("together"):
            with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
                return {"results": list(pool.map(self.made, asked["calls"]))}
        return {"results": [self.made(call) for call in asked["calls"]]}

    def open(self, channels):
        for name, how in channels.items():
            old = self.channels.pop(name, None)
            if old:
                old.close()
            if "ca" in how:
                key, cert = (how[part].encode() if part in how else None for part in ("key", "cert"))
                security = grpc.ssl_channel_credentials(how["ca"].encode(), key, cert)
                self.channels[name] = grpc.secure_channel(how["target"], security, OPTIONS)
            else:
                self.channels[name] = grpc.insecure_channel(how["target"], OPTIONS)
        return {}

    def made(self, call):
        """One call, or several of it at the same time."""
        count = call.get("at_once", 1)
        if count == 1:
            return self.call(call)
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            results = list(pool.map(self.call, itertools.repeat(call, count)))
        return {**results[0], "said": {result["code"]: result["details"] for result in results}}

    def call(self, call):
        channel = self.channels[call["channel"]]
        metadata = [
            (name, base64.b64decode(text) if name.endswith("-bin") else text)
            for name, text in call.get("metadata", {}).items()
        ]
        options = {"timeout": call.get("seconds", SECONDS), "metadata": metadata}
        if "raw" in call:
            started = self.start_raw(channel, call, options)
        else:
            started = self.start(channel, call, options)
        responses = []
        try:
            for response in started:
                responses.append(response)
                if len(responses) == call.get("take"):
                    started.cancel()
        except grpc.RpcError:
            pass
        return {
            "code": started.code().name,
            "details": started.details() or "",
            "headers": readable(started.initial_metadata()),
            "trailers": readable(started.trailing_metadata()),
            "responses": [
                base64.b64encode(response).decode()
                if isinstance(response, bytes)
                else json_format.MessageToDict(response, preserving_proto_field_name=True)
                for response in responses
            ],
        }

    def start(self, channel, call, options):
        """A call through the stub; its responses can be iterated, whatever its kind."""
        module, service = self.services[call["service"]]
        method = service.methods_by_name[call["method"]]
        stub = getattr(getattr(module, f"{service.name}Stub")(channel), call["method"])
        make = message_class(method.input_type)
        asked = call.get("request", {})
        requests = [json_format.ParseDict(each, make()) for each in (asked if isinstance(asked, list) else [asked])]
        if isinstance(stub, grpc.UnaryUnaryMultiCallable):
            return Unary(stub.future(requests[0], **options))
        if isinstance(stub, grpc.StreamUnaryMultiCallable):
            return Unary(stub.future(iter(requests), **options))
        if isinstance(stub, grpc.UnaryStreamMultiCallable):
            return stub(requests[0], **options)
        return stub(kept_open(requests) if call.get("take") else iter(requests), **options)

    def start_raw(self, channel, call, options):
        """A call of any kind and any bytes."""
        path = f"/{call['service']}/{call['method']}"
        multi = channel.stream_stream(path, request_serializer=bytes, response_deserializer=bytes)
        return multi(iter([base64.b64decode(text) for text in call["raw"]]), **options)

    def reflect(self, name):
        return {version: self.reflected(name, version) for version in ("v1", "v1alpha")}

    def reflected(self, name, version):
        """Methods by service, from the descriptors that the server gives away."""
        service = {"channel": name, "service": f"grpc.reflection.{version}.ServerReflection"}
        method = {**service, "method": "ServerReflectionInfo"}
        asked = self.call({**method, "request": {"list_services": "*"}})
        names = [each["name"] for each in asked["responses"][0]["list_services_response"]["service"]]
        symbols = [{"file_containing_symbol": each} for each in names]
        answered = self.call({**method, "request": symbols})["responses"]
        found = {}
        for symbol, answer in zip(names, answered):
            for encoded in answer["file_descriptor_response"]["file_descriptor_proto"]:
                file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(encoded))
                for each in file.service:
                    if f"{file.package}.{each.name}" == symbol:
                        found[symbol] = {
                            one.name: KINDS[one.client_streaming, one.server_streaming] for one in each.method
                        }
        return found


class Unary:
    """A call with one response, seen as a stream of them."""

    def __init__(self, future):
        self.future = future

    def __iter__(self):
        try:
            yield self.future.result()
        except grpc.FutureCancelledError:
            pass

    def __getattr__(self, name):
        return getattr(self.future, name)


def kept_open(requests):
    """The requests, and no end of them: it is for the caller to end the call."""
    yield from requests
    threading.Event().wait(SECONDS)


def main():
    with tempfile.TemporaryDirectory(prefix="weft-grpc-") as folder:
        caller = Caller(generate_stubs(folder))
        for line in sys.stdin:
            print(json.dumps(caller.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
