//! The pages in the binary: the start page and GraphiQL, made from `web/` when the binary was built.
//!
//! Pages hold no data: they ask for a token and speak GraphQL like any other client, so they are
//! served to everybody. Nothing is read from disk at run time, and no path is taken apart: what is
//! asked for is a key in a fixed table.

use std::borrow::Cow;
use std::fmt::Write;
use std::io::Read;

use flate2::read::GzDecoder;
use rust_embed::{EmbeddedFile, RustEmbed};

/// Served in place of the pages when the binary was built without Node.js.
const PLAIN_PAGE: &str = include_str!("plain_page.html");

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Dist;

/// A file to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The body, encoded as `content_encoding` says.
    pub bytes: Cow<'static, [u8]>,
    /// For `Content-Type`.
    pub content_type: &'static str,
    /// For `ETag`, quotes included; differs by encoding.
    pub etag: String,
    /// The path changes whenever the content does, so it may be cached for good. Otherwise a
    /// browser has to ask each time whether `etag` still holds.
    pub is_immutable: bool,
    /// For `Content-Encoding`. Answers differ by `Accept-Encoding` even when this is `None`, so
    /// `Vary` belongs on all of them.
    pub content_encoding: Option<&'static str>,
}

/// How the client takes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// As it is.
    Identity,
    /// Compressed.
    Gzip,
}

impl Encoding {
    /// Reads `Accept-Encoding`: gzip wherever it is allowed, by name or by `*`, with a weight above zero.
    fn accepted(accept_encoding: &str) -> Self {
        let weight_of = |wanted: &str| {
            accept_encoding.split(',').find_map(|item| {
                let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
                let weight = parameters
                    .trim()
                    .strip_prefix("q=")
                    .map_or(Some(1.0), |q| q.trim().parse::<f32>().ok());
                name.trim()
                    .eq_ignore_ascii_case(wanted)
                    .then_some(weight.unwrap_or(0.0))
            })
        };
        match weight_of("gzip").or_else(|| weight_of("*")) {
            Some(weight) if weight > 0.0 => Self::Gzip,
            _ => Self::Identity,
        }
    }
}

/// Whether this binary carries the pages. If not, `/` and `/graphiql` say so.
pub fn is_built() -> bool {
    Dist::get("index.html").is_some()
}

/// The file at a path of the URL, such as `/graphiql` or `/assets/…`; `None` where there is none.
pub fn asset(path: &str, accept_encoding: &str) -> Option<Asset> {
    let encoding = Encoding::accepted(accept_encoding);
    find(path, encoding, |name| Dist::get(name).map(File::from))
}

/// A file as the build left it.
struct File {
    bytes: Cow<'static, [u8]>,
    sha256: [u8; 32],
}

impl From<EmbeddedFile> for File {
    fn from(file: EmbeddedFile) -> Self {
        Self {
            sha256: file.metadata.sha256_hash(),
            bytes: file.data,
        }
    }
}

fn find(path: &str, encoding: Encoding, get: impl Fn(&str) -> Option<File>) -> Option<Asset> {
    let name = match path {
        "/" => "index.html",
        "/graphiql" => "graphiql.html",
        _ => path.strip_prefix('/')?,
    };
    let content_type = content_type_of(name)?;
    // The build leaves `x.js.gz` in place of `x.js` where that is worth it.
    let (file, is_packed) = match get(&format!("{name}.gz")) {
        Some(file) => (file, true),
        None => match get(name) {
            Some(file) => (file, false),
            None => return plain_page(path),
        },
    };
    let (bytes, content_encoding) = match (is_packed, encoding) {
        (true, Encoding::Gzip) => (file.bytes, Some("gzip")),
        (true, Encoding::Identity) => (Cow::Owned(unpacked(&file.bytes)?), None),
        (false, _) => (file.bytes, None),
    };
    Some(Asset {
        bytes,
        content_type,
        etag: etag(&file.sha256, content_encoding),
        is_immutable: name.starts_with("assets/"),
        content_encoding,
    })
}

fn plain_page(path: &str) -> Option<Asset> {
    matches!(path, "/" | "/graphiql").then(|| Asset {
        bytes: Cow::Borrowed(PLAIN_PAGE.as_bytes()),
        content_type: "text/html; charset=utf-8",
        etag: concat!("\"plain-", env!("CARGO_PKG_VERSION"), "\"").to_owned(),
        is_immutable: false,
        content_encoding: None,
    })
}

/// Files of other kinds are not served: the build makes none, and a stray one stays inside.
fn content_type_of(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "ttf" => "font/ttf",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

fn etag(sha256: &[u8; 32], content_encoding: Option<&str>) -> String {
    let mut etag = String::from("\"");
    for byte in &sha256[..16] {
        // Writing to a string cannot fail.
        let _ = write!(etag, "{byte:02x}");
    }
    if let Some(encoding) = content_encoding {
        etag.push('-');
        etag.push_str(encoding);
    }
    etag.push('"');
    etag
}

/// `None` if the file was damaged after the build; it comes from our own binary, so its size is known to be sane.
fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut plain).ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(plain: &str) -> Vec<u8> {
        use std::io::Write;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    /// A build of two pages and a script, as Vite leaves them.
    fn built() -> BTreeMap<&'static str, Vec<u8>> {
        BTreeMap::from([
            ("index.html", b"start".to_vec()),
            ("graphiql.html", b"graphiql".to_vec()),
            ("assets/main-1a2b.js.gz", packed("script")),
            ("licenses.txt.gz", packed("licenses")),
            ("notes.md", b"stray".to_vec()),
        ])
    }

    fn find_in(files: &BTreeMap<&str, Vec<u8>>, path: &str, encoding: Encoding) -> Option<Asset> {
        find(path, encoding, |name| {
            files.get(name).map(|bytes| File {
                bytes: Cow::Owned(bytes.clone()),
                sha256: [7; 32],
            })
        })
    }

    #[track_caller]
    fn check(path: &str, encoding: Encoding, expected: Option<(&[u8], &str, Option<&str>, bool)>) {
        let found = find_in(&built(), path, encoding);
        let found = found.as_ref().map(|asset| {
            (
                asset.bytes.as_ref(),
                asset.content_type,
                asset.content_encoding,
                asset.is_immutable,
            )
        });
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn pages_have_short_addresses_and_are_asked_for_each_time() {
        let html = "text/html; charset=utf-8";
        check("/", Encoding::Gzip, Some((b"start", html, None, false)));
        check(
            "/graphiql",
            Encoding::Gzip,
            Some((b"graphiql", html, None, false)),
        );
        check(
            "/index.html",
            Encoding::Gzip,
            Some((b"start", html, None, false)),
        );
    }

    #[test]
    fn packed_files_go_out_as_they_lie_or_unpacked() {
        let script = "text/javascript; charset=utf-8";
        let gzip = packed("script");
        check(
            "/assets/main-1a2b.js",
            Encoding::Gzip,
            Some((&gzip, script, Some("gzip"), true)),
        );
        check(
            "/assets/main-1a2b.js",
            Encoding::Identity,
            Some((b"script", script, None, true)),
        );
        check(
            "/licenses.txt",
            Encoding::Identity,
            Some((b"licenses", "text/plain; charset=utf-8", None, false)),
        );
    }

    #[test]
    fn nothing_else_is_there() {
        for path in [
            "",
            "index.html",
            "/assets/",
            "/assets/other.js",
            "/notes.md",
            "/assets/main-1a2b.js.gz",
            "/../Cargo.toml",
            "//",
        ] {
            check(path, Encoding::Gzip, None);
        }
    }

    #[test]
    fn the_two_encodings_of_a_file_have_two_etags() {
        let etag = |encoding| find_in(&built(), "/licenses.txt", encoding).unwrap().etag;
        assert_eq!(etag(Encoding::Identity), format!("\"{}\"", "07".repeat(16)));
        assert_eq!(
            etag(Encoding::Gzip),
            format!("\"{}-gzip\"", "07".repeat(16))
        );
    }

    #[test]
    fn without_a_build_both_pages_say_how_to_get_them() {
        for path in ["/", "/graphiql"] {
            let page = find_in(&BTreeMap::new(), path, Encoding::Gzip).unwrap();
            let text = std::str::from_utf8(&page.bytes).unwrap();
            assert!(text.contains("npm ci &amp;&amp; npm run build"), "{text}");
            assert!(text.contains("/graphql"), "{text}");
            assert!(!text.contains("<script"), "{text}");
            assert!(!page.is_immutable);
        }
        assert_eq!(
            find_in(&BTreeMap::new(), "/assets/main-1a2b.js", Encoding::Gzip),
            None
        );
    }

    #[test]
    fn what_this_binary_carries_is_whole() {
        // With Node.js at build time these are the real pages, without it the plain one.
        for path in ["/", "/graphiql"] {
            let page = asset(path, "identity").unwrap();
            let text = String::from_utf8(page.bytes.into_owned()).unwrap();
            let scripts: Vec<&str> = text
                .split("src=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .collect();
            assert_eq!(scripts.is_empty(), !is_built());
            for script in scripts {
                assert!(
                    asset(script, "gzip").is_some_and(|script| script.is_immutable),
                    "{script}"
                );
            }
        }
    }

    #[test]
    fn gzip_is_taken_where_the_client_allows_it() {
        let check =
            |header: &str, expected| assert_eq!(Encoding::accepted(header), expected, "{header:?}");
        check("gzip, deflate, br, zstd", Encoding::Gzip);
        check("br;q=1.0, GZIP;q=0.1", Encoding::Gzip);
        check("*", Encoding::Gzip);
        check("", Encoding::Identity);
        check("br", Encoding::Identity);
        check("gzip;q=0", Encoding::Identity);
        check("gzip; q=0.000, *", Encoding::Identity);
        check("*;q=0", Encoding::Identity);
        check("gzip;q=nonsense", Encoding::Identity);
    }
}
