//! Imports point down only. Adding a room means adding a row here and to ARCHITECTURE.md.

use std::path::{Path, PathBuf};

/// Each room and the rooms it may use; every room may use itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("main", &["app", "cli", "config", "telemetry"]),
    (
        "cli",
        &[
            "api",
            "app",
            "clock",
            "config",
            "domain",
            "engine",
            "msgraph",
            "simulator",
            "store",
            "sync",
            "telemetry",
        ],
    ),
    (
        "app",
        &[
            "api",
            "clock",
            "config",
            "domain",
            "engine",
            "msgraph",
            "store",
            "sync",
            "telemetry",
        ],
    ),
    (
        "config",
        &["api", "clock", "domain", "msgraph", "store", "telemetry"],
    ),
    ("telemetry", &["clock"]),
    ("api", &["clock", "domain", "engine", "sync"]),
    ("sync", &["clock", "domain", "engine", "msgraph", "store"]),
    ("msgraph", &["clock", "domain"]),
    ("store", &["clock", "domain"]),
    ("engine", &["domain"]),
    ("domain", &[]),
    ("clock", &[]),
    ("simulator", &[]),
];

#[test]
fn imports_point_down_only() {
    for (layer, may_use) in LAYERS {
        for (file, source) in rust_files_of(layer) {
            for used in rooms_used_by(&source) {
                let is_allowed = used == *layer || may_use.contains(&used.as_str());
                assert!(is_allowed, "{}: {layer} may not use {used}", file.display());
            }
        }
    }
}

#[test]
fn every_room_has_its_place_in_the_order() {
    for entry in std::fs::read_dir(source_root()).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_known = room == "lib" || LAYERS.iter().any(|(layer, _)| *layer == room);
        assert!(is_known, "src/{room} is not in the table of layers");
    }
}

#[test]
fn an_import_names_its_room() {
    for (layer, _) in LAYERS {
        for (file, source) in rust_files_of(layer) {
            let is_grouped = source.contains("use crate::{");
            assert!(
                !is_grouped,
                "{}: one `use crate::room::…` a room",
                file.display()
            );
        }
    }
}

#[test]
fn the_ground_neither_waits_nor_reads_nor_asks_the_time() {
    const FOREIGN: &[&str] = &[
        "async fn",
        "std::fs",
        "std::net",
        "tokio::",
        "serde::",
        "async_graphql",
        "Timestamp::now",
    ];
    for (file, source) in rust_files_of("domain") {
        for word in FOREIGN {
            assert!(
                !source.contains(word),
                "{}: {word} is not of the domain",
                file.display()
            );
        }
    }
}

#[test]
fn every_room_is_described() {
    let text = std::fs::read_to_string(source_root().join("../ARCHITECTURE.md")).unwrap();
    for (layer, _) in LAYERS {
        assert!(
            text.contains(&format!("`{layer}")),
            "ARCHITECTURE.md does not mention {layer}"
        );
    }
    assert!(
        text.lines().count() <= 150,
        "ARCHITECTURE.md says only what rarely changes"
    );
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The first identifier after each `crate::` (and `seatwise::`, in `main`).
fn rooms_used_by(source: &str) -> Vec<String> {
    let without_comments = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    without_comments
        .split("crate::")
        .skip(1)
        .chain(without_comments.split("seatwise::").skip(1))
        .map(|rest| {
            rest.chars()
                .take_while(|character| character.is_alphanumeric() || *character == '_')
                .collect::<String>()
        })
        .filter(|name| name.starts_with(|first: char| first.is_lowercase()))
        .collect()
}

fn rust_files_of(layer: &str) -> Vec<(PathBuf, String)> {
    let root = source_root();
    let mut found = Vec::new();
    let single = root.join(format!("{layer}.rs"));
    if single.exists() {
        found.push(single);
    }
    collect_rust_files(&root.join(layer), &mut found);
    assert!(!found.is_empty(), "the room {layer} is gone");
    found
        .into_iter()
        .map(|path| {
            let source = std::fs::read_to_string(&path).unwrap();
            (path, source)
        })
        .collect()
}

fn collect_rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
