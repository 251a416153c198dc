import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

interface Manifest {
  name: string;
  version: string;
  license?: string;
}

const NOTICE = /^(licen[cs]e|notice|copying|thirdpartynotices)/i;

/**
 * Writes `licenses.txt`: name, version and license text of every package that may be in the bundle.
 * It lists what the lockfile installs for production, which is a little more than what is bundled,
 * so that nothing can be missed.
 */
export function licenses(root: string): Plugin {
  return {
    name: "seatwise:licenses",
    apply: "build",
    generateBundle() {
      const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
      const entries = Object.entries<{ dev?: boolean; optional?: boolean }>(lock.packages)
        .filter(([path, entry]) => path.startsWith("node_modules/") && !entry.dev && !entry.optional)
        .map(([path]) => describe(join(root, path)));
      this.emitFile({
        type: "asset",
        fileName: "licenses.txt",
        source: `The pages of Seatwise contain or build on these packages.\n\n${entries.join("\n")}`,
      });
    },
  };
}

function describe(folder: string): string {
  const manifest: Manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const notices = readdirSync(folder)
    .filter((name) => NOTICE.test(name) && !name.endsWith(".js"))
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8").trim());
  const title = `${manifest.name} ${manifest.version} (${manifest.license ?? "see below"})`;
  return [title, "=".repeat(title.length), ...notices, ""].join("\n\n");
}
