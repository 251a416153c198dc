//! The way of one benchmark: for each size of the organization everything is started, compared, put
//! under load and ended again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use reqwest::Client;
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::child::Part;
use crate::clock::MovedClock;
use crate::export::Sample;
use crate::graphql::Endpoint;
use crate::load::{Load, Loader};
use crate::machine::{description, on_disk, resident, version};
use crate::peers::{Postgres, Programs};
use crate::questions::{Question, Rotation, compare, rotation};
use crate::report::{Answered, Few, Inside, Report, Size};
use crate::serve::{Listening, Synced, TOKEN};
use crate::simulate::Organization;

/// Random filters that are timed.
const FILTERS: usize = 2_000;
/// Small changes that are timed; the median counts.
const SMALL_ROUNDS: u32 = 9;
/// Users of a small change.
const SMALL: u64 = 100;
/// Syncs after the first one that each change a hundredth of the users.
const SYNCS: u32 = 30;
/// What is read of an organization where only a few datasets are.
const FEW: [&str; 6] = [
    "users",
    "licenses",
    "email activity",
    "Teams activity",
    "OneDrive activity",
    "SharePoint activity",
];
/// How long memory is let come to rest: a thread that helped ends when it was idle for ten seconds, and the
/// allocator gives back then what was freed before.
const REST: Duration = Duration::from_secs(15);
/// What is asked of a server that has just started.
const COUNT: &str = r#"{"query":"{users{totalCount}}"}"#;

#[derive(Args)]
pub(crate) struct MeasureArgs {
    /// Sizes of the organization
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1_000..=5_000_000))]
    users: Vec<u64>,
    /// How long each load is measured
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Questions to ask; all when unsaid
    #[arg(long, value_delimiter = ',')]
    only: Vec<Question>,
    /// An empty directory for everything that is written
    #[arg(long)]
    directory: PathBuf,
    /// The directory of bench/run
    #[arg(long)]
    scripts: PathBuf,
    /// The directory of PostgreSQL's programs; without it there is none to be compared with
    #[arg(long, requires = "node")]
    postgres: Option<PathBuf>,
    /// Node.js 22 or newer
    #[arg(long)]
    node: Option<PathBuf>,
    /// Who runs PostgreSQL where root measures
    #[arg(long)]
    postgres_user: Option<String>,
    /// A file to keep the results in
    #[arg(long)]
    save: Option<PathBuf>,
}

pub(crate) fn run(arguments: &MeasureArgs) -> Outcome<()> {
    let mut questions = arguments.only.clone();
    if questions.is_empty() {
        questions = Question::ALL.to_vec();
    }
    questions.sort_unstable();
    questions.dedup();
    let postgres = arguments.postgres.clone().zip(arguments.node.clone());
    let programs = postgres.map(|(postgres, node)| Programs {
        postgres,
        node,
        postgraphile: arguments.scripts.join("postgraphile"),
        user: arguments.postgres_user.clone(),
    });
    let bench = Bench {
        runtime: Runtime::new()?,
        clock: MovedClock::beginning_now(),
        loader: Loader {
            script: arguments.scripts.join("rotate.lua"),
            directory: arguments.directory.clone(),
            seconds: arguments.seconds,
        },
        directory: arguments.directory.clone(),
        questions,
        programs,
    };
    let mut report = Report {
        machine: description(),
        versions: bench.versions(),
        seconds: arguments.seconds,
        empty: bench.resident_without_users()?,
        sizes: Vec::new(),
    };
    let mut users = arguments.users.clone();
    users.sort_unstable();
    users.dedup();
    for users in users {
        let size = bench.size(users)?;
        println!("{}", report.size_text(&size));
        report.sizes.push(size);
    }
    println!("{}", report.growth_text());
    if let Some(file) = &arguments.save {
        fs::write(file, report.text())?;
    }
    Ok(())
}

struct Bench {
    runtime: Runtime,
    clock: MovedClock,
    loader: Loader,
    /// Where everything is written.
    directory: PathBuf,
    questions: Vec<Question>,
    programs: Option<Programs>,
}

/// What one organization needs: where it is kept, and who plays Microsoft.
struct Site {
    users: u64,
    directory: PathBuf,
    simulator: Part,
    round: u32,
}

/// A running server.
struct Server<'a> {
    part: Part,
    endpoint: Endpoint<'a>,
    listening: Listening,
}

impl Bench {
    fn size(&self, users: u64) -> Outcome<Size> {
        let few = self.few(users)?;
        let mut site = self.site(users, false)?;
        step(users, "first sync");
        let mut server = self.serve(&site, false)?;
        let first: Synced = server.part.ask("first")?;
        for dataset in &first.incomplete {
            println!("note: the first sync left {dataset} incomplete");
        }
        let disk_first = on_disk(&site.data())?;
        let resident_after_sync = self.resident_at_rest(&server)?;
        let heap = server.part.ask("heap")?;
        let sample: Sample = server
            .part
            .ask(&format!("export {}", site.tables().display()))?;

        let (answered, fixed, peer_bytes) = self.questions(&site, &sample, &server)?;
        step(users, "filters");
        let filters = server.part.ask(&format!("filters {FILTERS}"))?;
        step(users, "publishing");
        let small = median(SMALL_ROUNDS, || {
            server.part.ask(&format!("change-some {SMALL}"))
        })?;
        let (publishing, full) = self.load_while_publishing(&sample, &mut server)?;
        server.part.stop()?;

        step(users, "start from disk");
        let (mut server, start) = self.start_from_disk(&site, first.users)?;
        let resident_after_start = self.resident_at_rest(&server)?;
        let cached = self.load_of_kept_answers(&sample, &server)?;
        step(users, "syncs with few changes");
        let small_sync = median(SMALL_ROUNDS, || {
            site.change(SMALL)?;
            Ok(server.part.ask::<Synced>("sync")?.seconds)
        })?;
        let mut sync_seconds = 0.0;
        for _ in 0..SYNCS {
            site.change(users / 100)?;
            sync_seconds += server.part.ask::<Synced>("sync")?.seconds;
        }
        let disk_after_syncs = on_disk(&site.data())?;
        let loading = server.listening.seconds;
        server.part.stop()?;
        fs::remove_dir_all(&site.directory)?;
        Ok(Size {
            users: first.users,
            matches: sample.matches_mean,
            answered,
            fixed,
            cached,
            publishing,
            few,
            inside: Inside {
                first_sync: first.seconds,
                resident_after_sync,
                resident_after_start,
                heap,
                filters,
                start,
                loading,
                small_publish: small,
                small_sync,
                full_publish: full,
                one_percent_sync: sync_seconds / f64::from(SYNCS),
                disk_first,
                disk_after_syncs,
                peer_bytes,
            },
        })
    }

    /// What users, licenses and four workloads take, without anything else that the product reads.
    fn few(&self, users: u64) -> Outcome<Few> {
        step(users, "few datasets: first sync");
        let mut site = self.site(users, true)?;
        let mut server = self.serve(&site, false)?;
        let first: Synced = server.part.ask("first")?;
        for dataset in FEW
            .iter()
            .filter(|name| first.incomplete.iter().any(|own| own == *name))
        {
            println!("note: few datasets: the first sync left {dataset} incomplete");
        }
        let disk_first = on_disk(&site.data())?;
        server.part.stop()?;
        step(users, "few datasets: start from disk");
        let (mut server, start) = self.start_from_disk(&site, first.users)?;
        let resident_after_start = self.resident_at_rest(&server)?;
        let heap = server.part.ask("heap")?;
        step(users, "few datasets: syncs with few changes");
        for _ in 0..SYNCS {
            site.change(users / 100)?;
            server.part.ask::<Synced>("sync")?;
        }
        let disk_after_syncs = on_disk(&site.data())?;
        server.part.stop()?;
        fs::remove_dir_all(&site.directory)?;
        Ok(Few {
            start,
            resident_after_start,
            heap,
            disk_first,
            disk_after_syncs,
        })
    }

    /// Every question: compared at first, then under load at one server after the other.
    fn questions(
        &self,
        site: &Site,
        sample: &Sample,
        server: &Server<'_>,
    ) -> Outcome<(Vec<Answered>, Load, Option<u64>)> {
        let postgres = self.programs.as_ref().map(|programs| {
            step(site.users, "loading PostgreSQL");
            Postgres::load(programs, &site.directory.join("postgres"), &site.tables())
        });
        let postgres = postgres.transpose()?;
        let bytes = postgres.as_ref().map(Postgres::bytes).transpose()?;
        let peer = postgres.as_ref().map(Postgres::serve).transpose()?;
        let peer = peer.map(|(part, url)| (part, self.endpoint("PostGraphile", url)));
        let peer_endpoint = peer.as_ref().map(|(_, endpoint)| endpoint);
        let mut rotations = Vec::new();
        for &question in &self.questions {
            let rotation = rotation(question, sample, &server.endpoint, peer_endpoint)?;
            if let Some(peer) = peer_endpoint {
                let compared = compare(&rotation, &server.endpoint, peer)?;
                step(
                    site.users,
                    &format!("{question:?}: {compared} answers are equal"),
                );
            }
            rotations.push(rotation);
        }
        step(site.users, "fixed bytes under load");
        let fixed = self.load_of_fixed_bytes(sample, server)?;
        let mut answered = Vec::new();
        for rotation in &rotations {
            if rotation.seatwise.is_empty() {
                println!(
                    "note: no {:?} in an organization this small",
                    rotation.question
                );
                continue;
            }
            step(site.users, &format!("{:?} under load", rotation.question));
            answered.push(self.answered(rotation, server, peer_endpoint)?);
        }
        Ok((answered, fixed, bytes))
    }

    fn answered(
        &self,
        rotation: &Rotation,
        server: &Server<'_>,
        peer: Option<&Endpoint<'_>>,
    ) -> Outcome<Answered> {
        let seatwise = self.load(&server.endpoint, &rotation.seatwise)?;
        let ways = rotation.peer.iter().map(|(way, bodies)| {
            let peer = peer.ok_or("there is no PostGraphile to ask")?;
            Ok((*way, self.load(peer, bodies)?))
        });
        Ok(Answered {
            question: rotation.question,
            seatwise,
            peer: ways.collect::<Outcome<_>>()?,
        })
    }

    fn load(&self, endpoint: &Endpoint<'_>, bodies: &[String]) -> Outcome<Load> {
        self.loader.measure(&endpoint.url, endpoint.token, bodies)
    }

    /// The answer to Q1 whose size is nearest to the mean, for every request.
    fn load_of_fixed_bytes(&self, sample: &Sample, server: &Server<'_>) -> Outcome<Load> {
        let bodies = rotation(Question::Q1, sample, &server.endpoint, None)?.seatwise;
        let answers = bodies.iter().map(|body| server.endpoint.text(body));
        let mut answers = answers.collect::<Outcome<Vec<_>>>()?;
        let mean = answers.iter().map(String::len).sum::<usize>() / answers.len().max(1);
        answers.sort_by_key(|answer| answer.len().abs_diff(mean));
        let file = self.directory.join("fixed");
        fs::write(&file, answers.first().ok_or("no answer")?)?;
        let (part, listening): (Part, Listening) =
            Part::start("fixed", &[file.display().to_string()])?;
        let url = format!("http://{}/graphql", listening.address);
        let load = self.loader.measure(&url, TOKEN, &bodies)?;
        part.stop()?;
        Ok(load)
    }

    /// Q1 where the server may keep answers: after the warm-up it has each of them.
    fn load_of_kept_answers(&self, sample: &Sample, server: &Server<'_>) -> Outcome<Option<Load>> {
        if !self.questions.contains(&Question::Q1) {
            return Ok(None);
        }
        let rotation = rotation(Question::Q1, sample, &server.endpoint, None)?;
        self.load(&server.endpoint, &rotation.seatwise).map(Some)
    }

    /// Q1 while every user changes, over and over; with it, what one such publication takes then.
    fn load_while_publishing(
        &self,
        sample: &Sample,
        server: &mut Server<'_>,
    ) -> Outcome<(Option<Load>, f64)> {
        if !self.questions.contains(&Question::Q1) {
            return Ok((None, server.part.ask("change-everybody")?));
        }
        let bodies = rotation(Question::Q1, sample, &server.endpoint, None)?.seatwise;
        let (url, token) = (server.endpoint.url.clone(), server.endpoint.token);
        let part = &mut server.part;
        std::thread::scope(|threads| {
            let load = threads.spawn(|| self.loader.put(&url, token, &bodies, self.loader.seconds));
            let mut seconds = Vec::new();
            while !load.is_finished() {
                seconds.push(part.ask("change-everybody")?);
            }
            let load = load.join().map_err(|_| "the load panicked")??;
            seconds.sort_by(f64::total_cmp);
            let middle = seconds.get(seconds.len() / 2).copied();
            Ok((Some(load), middle.unwrap_or_default()))
        })
    }

    /// A server on data that are there, and how long it took from the start of its process to its first
    /// answer.
    fn start_from_disk(&self, site: &Site, users: u64) -> Outcome<(Server<'_>, f64)> {
        let began = Instant::now();
        let server = self.serve(site, true)?;
        let count = &server.endpoint.ask(COUNT)?["users"]["totalCount"];
        let seconds = began.elapsed().as_secs_f64();
        match count.as_u64() == Some(users) {
            true => Ok((server, seconds)),
            false => Err(format!("a new start serves {count} users of {users}").into()),
        }
    }

    fn site(&self, users: u64, has_few_datasets: bool) -> Outcome<Site> {
        let few = if has_few_datasets { "-few" } else { "" };
        let directory = self.directory.join(format!("{users}{few}"));
        fs::create_dir(&directory)?;
        fs::create_dir(directory.join("tables"))?;
        let mut arguments = vec![
            format!("--users={users}"),
            format!("--clock={}", self.clock.seconds()),
        ];
        arguments.extend(has_few_datasets.then(|| "--few-datasets".to_owned()));
        let (simulator, organization): (Part, Organization) = Part::start("simulate", &arguments)?;
        let file = directory.join("organization.json");
        fs::write(file, serde_json::to_vec(&organization)?)?;
        Ok(Site {
            users,
            directory,
            simulator,
            round: 0,
        })
    }

    fn serve(&self, site: &Site, keep_answers: bool) -> Outcome<Server<'_>> {
        let organization = site.directory.join("organization.json");
        let mut arguments = vec![
            site.data().display().to_string(),
            format!("--organization={}", organization.display()),
            format!("--clock={}", self.clock.seconds()),
        ];
        arguments.extend(keep_answers.then(|| "--keep-answers".to_owned()));
        let (part, listening): (Part, Listening) = Part::start("serve", &arguments)?;
        let url = format!("http://{}/graphql", listening.address);
        Ok(Server {
            part,
            endpoint: self.endpoint("Seatwise", url),
            listening,
        })
    }

    fn endpoint(&self, name: &'static str, url: String) -> Endpoint<'_> {
        Endpoint {
            runtime: &self.runtime,
            http: Client::new(),
            name,
            url,
            token: TOKEN,
        }
    }

    /// What a server takes that serves nobody.
    fn resident_without_users(&self) -> Outcome<u64> {
        let data = self.directory.join("empty").join("data");
        let arguments = [
            data.display().to_string(),
            format!("--clock={}", self.clock.seconds()),
        ];
        let (part, _): (Part, Listening) = Part::start("serve", &arguments)?;
        std::thread::sleep(REST);
        let bytes = resident(part.id())?;
        part.stop()?;
        Ok(bytes)
    }

    fn resident_at_rest(&self, server: &Server<'_>) -> Outcome<u64> {
        // Who gives memory back does so when it is asked for some.
        let began = Instant::now();
        while began.elapsed() < REST {
            server.endpoint.ask(COUNT)?;
            std::thread::sleep(Duration::from_millis(100));
        }
        resident(server.part.id())
    }

    fn versions(&self) -> Vec<String> {
        let mut versions = vec![version(Path::new("rustc"), "--version")];
        if let Some(programs) = &self.programs {
            versions.push(version(&programs.postgres.join("postgres"), "--version"));
            versions.push(format!("Node.js {}", version(&programs.node, "--version")));
            let packages = fs::read_to_string(programs.postgraphile.join("package.json"));
            let packages: serde_json::Value =
                serde_json::from_str(&packages.unwrap_or_default()).unwrap_or_default();
            let names = [
                "postgraphile",
                "postgraphile-plugin-connection-filter",
                "@graphile/pg-aggregates",
            ];
            versions.extend(names.map(|name| {
                let version = packages["dependencies"][name].as_str();
                format!("{name} {}", version.unwrap_or("of unknown version"))
            }));
        }
        versions
    }
}

impl Site {
    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn tables(&self) -> PathBuf {
        self.directory.join("tables")
    }

    /// Changes accounts at Microsoft, other ones each time.
    fn change(&mut self, count: u64) -> Outcome<()> {
        self.round += 1;
        let line = format!("change {count} {}", self.round);
        let changed: u64 = self.simulator.ask(&line)?;
        match changed == count {
            true => Ok(()),
            false => Err(format!("{changed} users were changed instead of {count}").into()),
        }
    }
}

/// The middle of several times.
fn median(rounds: u32, mut time: impl FnMut() -> Outcome<f64>) -> Outcome<f64> {
    let mut times = (0..rounds).map(|_| time()).collect::<Outcome<Vec<_>>>()?;
    times.sort_by(f64::total_cmp);
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

/// Says what is done, since some of it takes minutes.
fn step(users: u64, what: &str) {
    eprintln!("{users} users: {what}");
}
