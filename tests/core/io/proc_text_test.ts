import assert from "node:assert/strict";
import {
  MOUNTS_MAX,
  parseLoadAverage,
  parseMeminfo,
  parseMounts,
  parseOpenFilesLimit,
  parseOsRelease,
  parseProcessStat,
  parseStat,
} from "../../../core/io/proc_text.ts";

Deno.test("parseLoadAverage: three numbers", () => {
  assert.deepEqual(parseLoadAverage("0.52 0.58 12.59 1/613 9876\n"), [0.52, 0.58, 12.59]);
  assert.deepEqual(parseLoadAverage(""), [0, 0, 0]);
});

Deno.test("parseStat: ticks become milliseconds, the boot time too", () => {
  const { cpu, bootWallMs } = parseStat("cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 9 9 9 9\nbtime 1700000000\n");
  assert.deepEqual(cpu, {
    userMs: 10,
    niceMs: 20,
    systemMs: 30,
    idleMs: 40,
    ioWaitMs: 50,
    irqMs: 60,
    softIrqMs: 70,
    stealMs: 80,
  });
  assert.equal(bootWallMs, 1_700_000_000_000);
});

Deno.test("parseMeminfo: KiB become bytes", () => {
  const text = "MemTotal:       10 kB\nMemFree:   2 kB\nMemAvailable:   5 kB\nSwapTotal: 4 kB\nSwapFree: 3 kB\n";
  assert.deepEqual(parseMeminfo(text), { total: 10240, free: 2048, available: 5120, swapTotal: 4096, swapFree: 3072 });
});

Deno.test("parseMounts: devices and memory, with blanks in paths, each path once", () => {
  const text = "proc /proc proc rw 0 0\n/dev/a / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n" +
    "/dev/b /my\\040disk ext4 rw 0 0\n/dev/c /run ext4 rw 0 0\n";
  assert.deepEqual(parseMounts(text), [
    { device: "/dev/a", path: "/" },
    { device: "/dev/b", path: "/my disk" },
    { device: "/dev/c", path: "/run" },
  ]);
});

Deno.test("parseMounts: one past the limit is left out", () => {
  const text = Array.from({ length: MOUNTS_MAX + 1 }, (_, i) => `/dev/d /m${i} ext4 rw 0 0`).join("\n");
  assert.equal(parseMounts(text).length, MOUNTS_MAX);
});

Deno.test("parseOsRelease: quotes and escapes", () => {
  const values = parseOsRelease('NAME="Debian \\"GNU\\""\nID=debian\n# no\nVERSION_ID=\'12\'\n');
  assert.deepEqual([...values], [["NAME", 'Debian "GNU"'], ["ID", "debian"], ["VERSION_ID", "12"]]);
});

Deno.test("parseProcessStat: a program's name may hold brackets and blanks", () => {
  const rest = Array.from({ length: 30 }, (_, i) => i + 3).join(" ");
  assert.deepEqual(parseProcessStat(`7 (a) b (c) ${rest}`), {
    cpuMs: (14 + 15) * 10,
    threadCount: 20,
    startedMs: 220,
    virtualBytes: 23,
  });
});

Deno.test("parseOpenFilesLimit: the soft limit, or none", () => {
  assert.equal(
    parseOpenFilesLimit("Max open files            1024                 524288               files\n"),
    1024,
  );
  assert.equal(
    parseOpenFilesLimit("Max open files            unlimited            unlimited            files\n"),
    undefined,
  );
});
