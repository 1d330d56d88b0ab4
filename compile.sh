#!/bin/sh
# Builds Weft as one executable that needs no Deno, Node or network where it runs.
#
#   ./compile.sh [-o FILE] [-k auto|compile|extract] [-e MAIN.ts] [-w WORKER.ts]
#
# The program and its workers are bundled, with the SQLite WebAssembly and a build stamp beside them. Then either
#   compile   `deno compile` puts them behind Deno's small runtime, when that can be had (DENORT_BIN, Deno's cache, or a
#             download), or
#   extract   a shell header carries them and the whole Deno in a compressed archive, which unpacks itself once into
#             the user's cache: 110 MB per version, which nobody removes but the user.
# -k auto (the default) takes the first and falls back to the second. -e and -w are for tests of this script.
# SOURCE_DATE_EPOCH sets the build date; with it, equal sources give equal files.
set -eu
umask 022

out=dist/weft kind=auto main=main.ts worker=core/dataplane/worker.ts
while getopts o:k:e:w: option; do
  case $option in
    o) out=$OPTARG ;;
    k) kind=$OPTARG ;;
    e) main=$OPTARG ;;
    w) worker=$OPTARG ;;
    *) sed -n 's/^#   \(\.\/compile.*\)/usage: \1/p' "$0" >&2; exit 64 ;;
  esac
done

fail() { echo "compile.sh: $*" >&2; exit 1; }

case $out in /*) ;; *) out=$PWD/$out ;; esac
cd "$(dirname "$0")"

# --- The pinned Deno: the one on the PATH if it is the right one, else from npm. ---------------------------------

pinned=$(sed -n 's/.*"engines".*"deno": *"\([^"]*\)".*/\1/p' deno.json)
[ -n "$pinned" ] || fail "deno.json has no engines.deno"
exec_path='console.log(Deno.version.deno === Deno.args[0] ? Deno.execPath() : "")'
deno=$(deno eval "$exec_path" "$pinned" 2>/dev/null || true)
[ -n "$deno" ] || deno=$(npx -y "deno@$pinned" eval "$exec_path" "$pinned") || fail "needs Deno $pinned, or npx to get it"

# --- Bundle: everything the program is, in one folder. -----------------------------------------------------------

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
stage=$work/stage
mkdir -p "$stage" "$(dirname "$out")"

# CommonJS packages inside an ES module expect this name of Node's.
bundle() {
  "$deno" bundle --quiet --frozen -o "$work/bundle.js" "$1"
  { echo 'const __dirname = import.meta.dirname;'; cat "$work/bundle.js"; } >"$stage/$2"
}
bundle "$main" main.js
if [ -e "$worker" ]; then bundle "$worker" worker.js; else fail "no worker at $worker"; fi
bundle core/io/sql_query_worker.ts sql_worker.js
cat >"$work/wasm.ts" <<'END'
const { sqliteWasm } = await import(Deno.args[0] ?? "");
Deno.writeFileSync(Deno.args[1] ?? "", sqliteWasm());
END
"$deno" run -A --quiet --frozen --config deno.json "$work/wasm.ts" "file://$PWD/core/io/assets.ts" "$stage/sql-wasm.wasm"

version=$(sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' deno.json)
commit=$([ -e .git ] && git describe --always --dirty --tags 2>/dev/null || echo dev)
epoch=${SOURCE_DATE_EPOCH:-$(date -u +%s)}
date=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
printf '{ "version": "%s", "commit": "%s", "date": "%s" }\n' "$version" "$commit" "$date" >"$stage/build.json"

# --- deno compile: smaller, starts without unpacking. ------------------------------------------------------------

compile() {
  (
    cd "$stage"
    timeout 60 "$deno" compile --quiet --no-config -A --include worker.js --include sql_worker.js --include sql-wasm.wasm \
      --include build.json -o "$work/compiled" main.js
  ) >"$work/log" 2>&1 && starts
}

# A file that does not start is no build.
starts() { XDG_CACHE_HOME=$work/cache "$work/compiled" version >>"$work/log" 2>&1; }

# --- Self-extracting file: a header in sh, then the archive. -----------------------------------------------------

# Written with @NAME@ for what only this build knows.
header() {
  cat <<'END'
#!/bin/sh
# Weft @VERSION@ (@COMMIT@, @DATE@) for @SYSTEM@: program and runtime in one file.
# Unpacks itself once into the cache of the user who starts it, and runs from there.
build='@VERSION@-@HASH@' system='@SYSTEM@' archive_line=@LINE@
me=$(id -u)

fail() { echo "weft: $*" >&2; exit 71; }

# True if nobody but this user and root can change directory $1 or put another in its place.
trusted() {
  path=$1
  while :; do
    set -- $(ls -ldn "$path")
    case $3 in 0 | "$me") ;; *) return 1 ;; esac
    case $1 in
      d????????[tT]*) ;; # sticky: entries are safe from others
      d???????w*) return 1 ;;
      d????w*) [ "$4" = 0 ] || { [ "$4" = "$me" ] && [ "$4" = "$(id -g)" ]; } || return 1 ;;
      d*) ;;
      *) return 1 ;;
    esac
    [ "$path" = / ] && return 0
    path=${path%/*} path=${path:-/}
  done
}

# Sets $cache to a directory below $1 that this user can write and others cannot.
use_cache() {
  case $1 in /*) ;; *) return 1 ;; esac
  (umask 077 && mkdir -p "$1/weft") 2>/dev/null || return 1
  cache=$(cd -P "$1/weft" 2>/dev/null && pwd -P) || return 1
  trusted "$cache" || { echo "weft: not used, because other users can change it: $cache" >&2; return 1; }
  [ -d "$cache/$build" ] || [ -w "$cache" ]
}

# Unpacks beside the final place and moves the whole there, so that what is there is complete.
unpack() {
  [ "$(uname -sm)" = "$system" ] || fail "this file is for $system, not for $(uname -sm)"
  new=$(umask 077 && mktemp -d "$cache/.$build.XXXXXX") || fail "cannot write to $cache"
  trap 'rm -rf "$new"' EXIT
  trap 'exit 130' INT TERM HUP
  tail -n +"$archive_line" "$0" | { gzip -dc 2>/dev/null || : >"$new/cut"; } | (cd "$new" && tar -xof - 2>/dev/null) &&
    [ ! -e "$new/cut" ] || fail "cannot unpack $0 into $cache: the file is damaged or the disk is full"
  "$new/deno" --version >/dev/null 2>&1 ||
    fail "the runtime does not start: it needs glibc 2.27 or newer, and $cache mounted without noexec"
  # If another start was faster, mv puts this copy inside the other's.
  mv "$new" "$cache/$build" && rm -rf "$cache/$build/${new##*/}"
  trap - EXIT INT TERM HUP
}

default=${HOME:-}/.cache
[ "$me" != 0 ] || default=/var/cache
use_cache "${XDG_CACHE_HOME:-}" || use_cache "$default" || use_cache "${TMPDIR:-/tmp}/weft-$me" ||
  fail "no directory for the runtime that this user alone can write; set XDG_CACHE_HOME to one"
[ -d "$cache/$build" ] || unpack

DENO_DIR=$cache/$build/cache DENO_NO_UPDATE_CHECK=1
export DENO_DIR DENO_NO_UPDATE_CHECK
exec "$cache/$build/deno" run --quiet --no-config --no-lock --no-remote --cached-only -A "$cache/$build/main.js" "$@"
END
}

extract() {
  cp "$deno" "$stage/deno"
  chmod 755 "$stage/deno"
  (
    cd "$stage"
    touch -d "@$epoch" ./*
    tar --owner=0 --group=0 --numeric-owner -cf - build.json deno main.js sql-wasm.wasm sql_worker.js worker.js
  ) | gzip -n >"$work/archive"
  header | sed -e "s|@VERSION@|$version|g; s|@COMMIT@|$commit|g; s|@DATE@|$date|g; s|@SYSTEM@|$(uname -sm)|g" \
    -e "s|@HASH@|$(sha256sum "$work/archive" | cut -c1-16)|; s|@LINE@|$(($(header | wc -l) + 1))|" >"$work/header"
  cat "$work/header" "$work/archive" >"$work/compiled"
  chmod 755 "$work/compiled"
  starts || { cat "$work/log" >&2; fail "the built file does not start"; }
}

case $kind in
  auto) compile || { echo "compile.sh: no base for deno compile, building a self-extracting file" >&2; extract; } ;;
  compile) compile || { cat "$work/log" >&2; fail "deno compile did not work"; } ;;
  extract) extract ;;
  *) fail "-k takes auto, compile or extract" ;;
esac

# Written under another name and renamed: a running program keeps its old file.
cp "$work/compiled" "$out.new"
mv "$out.new" "$out"
echo "$out: Weft $version ($commit, $date), $(du -h "$out" | cut -f1)"
