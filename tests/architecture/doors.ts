/**
 * Which files may import which npm package: a dependency has one door, so that it can be replaced there.
 *
 * Tests may import every package. The reasons for each dependency stand in CONTRIBUTING.md.
 *
 * @module
 */

/** Package name to the folders or files that may import it. */
export const PACKAGE_DOORS: Readonly<Record<string, readonly string[]>> = {
  "@bufbuild/buf": ["proto/generate.ts"],
  "@bufbuild/protoc-gen-es": ["proto/generate.ts"],
  // Messages are made and read where they are used; their classes live in proto/gen/.
  "@bufbuild/protobuf": [
    "proto/gen/",
    "core/state/",
    "core/plugin/",
    "core/io/",
    "core/rpc/",
    "core/node/",
    "core/cli/",
    "plugins/",
  ],
  // Types of what the dashboard is written in; only tests read them.
  "@grafana/schema": [],
  "@grpc/grpc-js": ["core/rpc/"],
  "@noble/ciphers": ["core/crypto/"],
  "@noble/curves": ["core/crypto/"],
  "@noble/hashes": ["core/crypto/"],
  "commander": ["core/cli/"],
  "dns-packet": ["plugins/mesh_dns/"],
  "fast-check": [],
  "ipaddr.js": ["core/ip/"],
  "prom-client": ["plugins/metrics/"],
  "smol-toml": ["core/node/", "core/cli/"],
  "sql.js": ["core/io/"],
  "yaml": ["core/node/", "core/cli/"],
};

/** `@scope/name/sub/path.js` to `@scope/name`. */
export function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
