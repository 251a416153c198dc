//! Makes the pages that the binary carries: `web/dist`, from the sources in `web/`.
//!
//! One cargo command on a fresh clone is enough: where Node.js is found and `web/dist` is missing
//! or older than its sources, npm makes it. Whatever goes wrong there is a warning that says the
//! remedy, and the binary serves a plain page instead. `REQUIRE_UI=1` turns the warning into an
//! error, for releases; `SEATWISE_SKIP_UI=1` leaves npm alone.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

/// What the pages are made of; a change in any of it makes them anew.
const SOURCES: [&str; 8] = [
    "build",
    "graphiql.html",
    "index.html",
    "package-lock.json",
    "package.json",
    "public",
    "src",
    "vite.config.ts",
];

/// The oldest Node.js of each line that Vite runs on: 20.19, and 22.12 and later.
const NODE_VERSIONS: &str = "20.19, 22.12";

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed=REQUIRE_UI");
    println!("cargo::rerun-if-env-changed=SEATWISE_SKIP_UI");
    let Err(problem) = Pages::in_package().and_then(|pages| pages.make()) else {
        return ExitCode::SUCCESS;
    };
    if is_set("REQUIRE_UI") {
        println!("cargo::error=REQUIRE_UI is set, but the pages cannot be made: {problem}");
        return ExitCode::FAILURE;
    }
    println!(
        "cargo::warning=The start page and GraphiQL were not made, the binary has those of an earlier build or none: {problem}"
    );
    if !is_set("SEATWISE_SKIP_UI") {
        println!(
            "cargo::warning=To have them: install Node.js {NODE_VERSIONS} or newer, run `npm ci && npm run build` in web/, and build again."
        );
    }
    ExitCode::SUCCESS
}

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The folder `web/` and how old its sources are.
struct Pages {
    folder: PathBuf,
    /// When the sources changed last; `None` in a published package, which brings the pages ready-made.
    changed: Option<SystemTime>,
}

impl Pages {
    fn in_package() -> Outcome<Self> {
        let folder = PathBuf::from(env("CARGO_MANIFEST_DIR")?).join("web");
        let mut changed = None;
        if folder.join("package.json").exists() {
            for source in SOURCES.map(|name| folder.join(name)) {
                println!("cargo::rerun-if-changed={}", source.display());
                changed = changed.max(Some(newest_change(&source)?));
            }
        }
        Ok(Self { folder, changed })
    }

    fn make(&self) -> Outcome<()> {
        let dist = self.folder.join("dist");
        // Cargo takes a path that is missing for one that changed, at every build: so it exists.
        // Pages that are made by hand change it, and the binary takes them up.
        if !dist.exists() {
            fs::create_dir_all(&dist)?;
            self.date_back(&dist)?;
        }
        println!("cargo::rerun-if-changed={}", dist.display());

        if self.is_fresh(&dist) {
            return Ok(());
        }
        if is_set("SEATWISE_SKIP_UI") {
            return Err("SEATWISE_SKIP_UI is set.".into());
        }
        // Two cargo processes with two target folders may come here at the same time.
        let lock = File::create(self.folder.join("dist.lock"))?;
        lock.lock()?;
        if self.is_fresh(&dist) {
            return Ok(());
        }
        self.make_anew(&dist)
    }

    fn is_fresh(&self, dist: &Path) -> bool {
        let made = fs::metadata(dist.join("index.html")).and_then(|page| page.modified());
        made.is_ok_and(|made| self.changed.is_none_or(|changed| changed <= made))
    }

    /// Builds beside `dist` and swaps, so that a failure leaves the pages of before, and a compiler
    /// that is reading them meets no half of them.
    fn make_anew(&self, dist: &Path) -> Outcome<()> {
        if self.changed.is_none() {
            return Err("this package came without web/dist.".into());
        }
        check_node()?;
        if !self.is_installed() {
            self.npm(
                "ci --ignore-scripts --no-audit --no-fund --prefer-offline --fetch-retries=1 --fetch-retry-mintimeout=1000",
            )?;
        }
        let new = self.folder.join("dist.new");
        let old = self.folder.join("dist.old");
        self.npm("run build -- --outDir dist.new --emptyOutDir --logLevel warn")?;
        self.date_back(&new)?;
        remove(&old)?;
        fs::rename(dist, &old)?;
        fs::rename(&new, dist)?;
        Ok(remove(&old)?)
    }

    /// npm writes this file last of all: what it installed is what the lockfile says.
    fn is_installed(&self) -> bool {
        let changed = |path: &str| {
            fs::metadata(self.folder.join(path))
                .and_then(|file| file.modified())
                .ok()
        };
        let installed = changed("node_modules/.package-lock.json");
        installed.is_some()
            && installed >= changed("package-lock.json").max(changed("package.json"))
    }

    fn npm(&self, arguments: &str) -> Outcome<()> {
        let run = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
            .args(arguments.split(' '))
            .current_dir(&self.folder)
            .output()
            .map_err(|error| format!("npm cannot be started ({error})."))?;
        if run.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&run.stderr);
        // npm says what is wrong first, and then where its log lies.
        let reason: Vec<&str> = said
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with("npm warn"))
            .take(4)
            .collect();
        Err(format!("`npm {arguments}` failed: {}.", reason.join(" / ")).into())
    }

    /// Gives what was made the date of what it was made from. Cargo compares the watched files with
    /// the time at which this script started: of today's date, the pages would make it run again at
    /// the next build, for nothing.
    fn date_back(&self, path: &Path) -> io::Result<()> {
        let Some(changed) = self.changed else {
            return Ok(());
        };
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                self.date_back(&entry?.path())?;
            }
        }
        File::open(path)?.set_modified(changed)
    }
}

fn check_node() -> Outcome<()> {
    let run = Command::new("node")
        .arg("--version")
        .output()
        .map_err(|_| "Node.js is not installed.")?;
    let said = String::from_utf8_lossy(&run.stdout);
    let mut numbers = said
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let is_enough = version >= (22, 12) || (version.0 == 20 && version.1 >= 19);
    if is_enough {
        return Ok(());
    }
    Err(format!("Node.js {} is too old.", said.trim()).into())
}

/// When a file, or anything under a folder, changed last.
fn newest_change(path: &Path) -> Outcome<SystemTime> {
    let about = |error: io::Error| format!("{}: {error}", path.display());
    let metadata = fs::metadata(path).map_err(about)?;
    let mut newest = metadata.modified()?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            newest = newest.max(newest_change(&entry?.path())?);
        }
    }
    Ok(newest)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn is_set(name: &str) -> bool {
    env(name).is_ok_and(|value| !matches!(value.as_str(), "" | "0"))
}

#[allow(
    clippy::disallowed_methods,
    reason = "cargo speaks to build scripts through the environment"
)]
fn env(name: &str) -> Result<String, std::env::VarError> {
    std::env::var(name)
}
