/**
 * Names for the writes that this process asks a leader for, so that one whose answer was lost can be repeated and runs once.
 *
 * @module
 */
import { MeshError } from "../plugin/errors.ts";
import type { RpcMetadata } from "../plugin/rpc.ts";
import type { Random } from "../seams/random.ts";
import { parseWriteSession, type WriteSession } from "../state/write_session.ts";
import { WRITE_SESSION_KEY } from "./join_metadata.ts";

const CLIENT_ID_BYTES = 16;

/** One client: 128 random bits, so that an earlier process of this node is another one. */
export class WriteSessions {
  readonly #clientId: string;
  #sequence = 0;

  constructor(random: Random) {
    const bytes = new Uint8Array(CLIENT_ID_BYTES);
    random.fill(bytes);
    this.#clientId = bytes.toHex();
  }

  /** The name of the next write; every attempt at it goes under the same one. */
  next(): WriteSession {
    return { clientId: this.#clientId, sequence: ++this.#sequence };
  }
}

/**
 * The name that a caller gave its write; `undefined` if it gave none.
 *
 * @throws {MeshError} `invalid-argument` for a name that is none.
 */
export function requestedSession(metadata: RpcMetadata): WriteSession | undefined {
  const text = metadata.get(WRITE_SESSION_KEY);
  if (text === undefined) return undefined;
  const session = parseWriteSession(text);
  if (!session) {
    throw new MeshError("invalid-argument", `The metadata "${WRITE_SESSION_KEY}" is not CLIENT:SEQUENCE`, {
      hint: "CLIENT is random letters and digits, SEQUENCE a number from 1 that rises with every write.",
    });
  }
  return session;
}
