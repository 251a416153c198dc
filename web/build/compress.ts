import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Plugin } from "vite";

const gzipped = promisify(gzip);
const TEXT = /\.(css|html|js|json|svg|ttf|txt)$/;
/** Below this a file fits one packet anyway. */
const BYTES_MIN = 1_000;

/**
 * Leaves `x.js.gz` in place of `x.js`: the binary carries each file once, a third as large, and
 * sends it as it lies. The server unpacks it for the rare client that cannot. Gzip, since browsers
 * ask for better encodings over HTTPS only, and many a server of this kind is asked over HTTP.
 */
export function compress(): Plugin {
  let folder = "";
  return {
    name: "seatwise:compress",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    async writeBundle() {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !TEXT.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const plain = await readFile(path);
        if (plain.length < BYTES_MIN) continue;
        await writeFile(`${path}.gz`, await gzipped(plain, { level: 9 }));
        await rm(path);
      }
    },
  };
}
