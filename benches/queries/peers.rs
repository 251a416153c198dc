//! What a team would build instead: PostgreSQL with every index that helps, and PostGraphile before it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde::Deserialize;

use crate::Outcome;
use crate::child::Part;

/// How long PostgreSQL may take to accept connections, and to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most memory that PostgreSQL shares.
const SHARED_MAX: u64 = 6 << 30;

/// Where the programs are.
pub(crate) struct Programs {
    /// The directory of `initdb` and `postgres`.
    pub(crate) postgres: PathBuf,
    /// Node.js 22 or newer.
    pub(crate) node: PathBuf,
    /// The directory of the server and its packages.
    pub(crate) postgraphile: PathBuf,
    /// Who runs PostgreSQL where root measures: it refuses to be root.
    pub(crate) user: Option<String>,
}

/// A running PostgreSQL that holds the organization.
pub(crate) struct Postgres<'a> {
    programs: &'a Programs,
    process: Child,
    directory: PathBuf,
}

impl<'a> Postgres<'a> {
    /// Makes a cluster in a new directory, starts it and loads `users.csv` and `assignments.csv`.
    pub(crate) fn load(programs: &'a Programs, directory: &Path, tables: &Path) -> Outcome<Self> {
        fs::create_dir(directory)?;
        if let Some(user) = programs.user.as_ref().filter(|_| geteuid().is_root()) {
            let id = id_of(user)?;
            chown(directory, Some(id), None)?;
        }
        fs::set_permissions(directory, Permissions::from_mode(0o700))?;
        let data = directory.join("data");
        let mut initdb = programs.as_user("initdb");
        initdb.args([
            "--username=bench",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
        ]);
        initdb.args(["--lc-collate=C", "--lc-ctype=C.UTF-8", "--lc-messages=C"]);
        run(initdb.arg("--pgdata").arg(&data))?;
        let log = directory.join("log");
        let mut postgres = programs.as_user("postgres");
        postgres.arg("-D").arg(&data);
        for setting in settings(directory)? {
            postgres.arg("-c").arg(setting);
        }
        let process = postgres
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(log)?)
            .spawn()?;
        let mut server = Self {
            programs,
            process,
            directory: directory.to_owned(),
        };
        server.wait_until_ready()?;
        server.run_file("schema.sql")?;
        for table in ["users", "assignments"] {
            let copy = format!("copy organization.{table} from stdin (format csv)");
            let rows = File::open(tables.join(format!("{table}.csv")))?;
            run(server.psql().args(["--command", &copy]).stdin(rows))?;
        }
        server.run_file("indexes.sql")?;
        Ok(server)
    }

    /// Starts PostGraphile before it.
    pub(crate) fn serve(&self) -> Outcome<(Part, String)> {
        #[derive(Deserialize)]
        struct Ready {
            port: u16,
        }
        let mut node = Command::new(&self.programs.node);
        node.arg("server.mjs")
            .current_dir(&self.programs.postgraphile)
            .env("NODE_ENV", "production")
            .envs(self.place());
        let (part, ready): (Part, Ready) = Part::start_command("PostGraphile", node)?;
        Ok((part, format!("http://127.0.0.1:{}/graphql", ready.port)))
    }

    /// Bytes of the tables and of their indexes.
    pub(crate) fn bytes(&self) -> Outcome<u64> {
        let query = "select sum(pg_total_relation_size(c.oid))::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'organization' and c.relkind = 'r'";
        let output = self
            .psql()
            .args(["--tuples-only", "--no-align", "--command", query])
            .output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
    }

    fn wait_until_ready(&mut self) -> Outcome<()> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let mut psql = self.psql();
            let ready = psql.args(["--command", "select"]).stderr(Stdio::null());
            if ready.stdout(Stdio::null()).status()?.success() {
                return Ok(());
            }
            if self.process.try_wait()?.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        Err(format!("PostgreSQL does not start: {log}").into())
    }

    fn run_file(&self, name: &str) -> Outcome<()> {
        let file = self.programs.postgraphile.join(name);
        run(self.psql().arg("--file").arg(file))
    }

    fn psql(&self) -> Command {
        let mut psql = Command::new(self.programs.postgres.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]);
        psql.envs(self.place())
            .env("PGOPTIONS", "-c client_min_messages=warning");
        psql
    }

    /// What clients need to find it.
    fn place(&self) -> [(&'static str, String); 4] {
        [
            ("PGHOST", self.directory.display().to_string()),
            ("PGPORT", "5432".to_owned()),
            ("PGUSER", "bench".to_owned()),
            ("PGDATABASE", "postgres".to_owned()),
        ]
    }
}

impl Drop for Postgres<'_> {
    fn drop(&mut self) {
        // At once: nobody needs what it holds. It ends its own processes and its shared memory.
        let _ = kill_process(Pid::from_child(&self.process), Signal::INT);
        let _ = self.process.wait();
    }
}

impl Programs {
    /// A program of PostgreSQL, as somebody who is not root.
    fn as_user(&self, program: &str) -> Command {
        let program = self.postgres.join(program);
        match self.user.as_ref().filter(|_| geteuid().is_root()) {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command
                    .args([&format!("--reuid={user}"), "--clear-groups"])
                    .arg(program);
                command
            }
        }
    }
}

/// Memory for everything, no just-in-time compilation, nothing in the background, and no durability:
/// only reading is measured.
fn settings(directory: &Path) -> Outcome<Vec<String>> {
    let memory = fs::read_to_string("/proc/meminfo")?;
    let total = memory.split_whitespace().nth(1).ok_or("no memory")?;
    let shared = (total.parse::<u64>()? * 1024 / 4).min(SHARED_MAX) >> 20;
    Ok(vec![
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories={}", directory.display()),
        format!("shared_buffers={shared}MB"),
        format!("effective_cache_size={}MB", 2 * shared),
        "work_mem=64MB".to_owned(),
        "maintenance_work_mem=512MB".to_owned(),
        "random_page_cost=1.1".to_owned(),
        "max_wal_size=8GB".to_owned(),
        "jit=off".to_owned(),
        "autovacuum=off".to_owned(),
        "fsync=off".to_owned(),
        "synchronous_commit=off".to_owned(),
        "full_page_writes=off".to_owned(),
    ])
}

fn id_of(user: &str) -> Outcome<u32> {
    let output = Command::new("id").args(["-u", user]).output()?;
    let id = String::from_utf8_lossy(&output.stdout).trim().parse();
    Ok(id.map_err(|_| format!("there is no user {user}"))?)
}

fn run(command: &mut Command) -> Outcome<()> {
    let output = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let output = output.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("{:?} failed: {error}", command.get_program()).into())
}
