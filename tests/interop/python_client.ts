/**
 * Runs `mesh_client.py`: a caller that shares no code with the server.
 *
 * @module
 */

/** Debian's interpreter, for which python3-grpcio and python3-grpc-tools are packaged. */
const PYTHON = "/usr/bin/python3";

const SCRIPT = new URL("./mesh_client.py", import.meta.url).pathname;

/** What a call came to, as Python's gRPC sees it. */
export interface PythonResult {
  /** The status code's name. */
  readonly code: string;
  readonly details: string;
  /** Binary values as base64. */
  readonly headers: Readonly<Record<string, string>>;
  readonly trailers: Readonly<Record<string, string>>;
  /** Fields by their names in the `.proto` files; only with code OK. */
  readonly response?: Readonly<Record<string, unknown>>;
}

/** What `mesh_client.py` can do; its text says which service that is. */
export type PythonAction =
  | "join"
  | "leave"
  | "status"
  | "get-node"
  | "list-nodes"
  | "list-peers"
  | "put-acl"
  | "delete-acl"
  | "get-acl"
  | "list-acls"
  | "services";

/** Why the script cannot run here; `undefined` if it can. */
export async function pythonProblem(): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command(PYTHON, { args: [SCRIPT, "--check"] }).output();
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no ${PYTHON}`;
    throw error;
  }
}

/** Makes one call to the plaintext `host:port`. */
export async function callFromPython(
  address: string,
  action: PythonAction,
  fields: Readonly<Record<string, unknown>> = {},
  metadata: Readonly<Record<string, string>> = {},
): Promise<PythonResult> {
  const args = [SCRIPT, address, action, JSON.stringify(fields), JSON.stringify(metadata)];
  const { success, stdout, stderr } = await new Deno.Command(PYTHON, { args }).output();
  if (!success) throw new Error(`mesh_client.py ${action}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
