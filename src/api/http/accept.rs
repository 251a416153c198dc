//! Which media type the answer takes.

/// Media types that an answer can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Media {
    /// `application/json`, for clients from before there was a type of its own.
    Json,
    /// `application/graphql-response+json`: the status tells whether the request was understood.
    GraphqlResponse,
    /// `text/event-stream`: results as they come.
    EventStream,
}

impl Media {
    /// The value of `Content-Type`.
    pub(in crate::api) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::EventStream => "text/event-stream; charset=utf-8",
        }
    }
}

/// How well a range of the header fits a type; a more exact one decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Anything,
    Kind,
    Exact,
}

/// Chooses by the values of `Accept`; `None` where nothing we have is acceptable.
///
/// Without the header, and for ranges like `*/*`, it is JSON. Types that are wanted alike go by the
/// order below: the GraphQL type says more than JSON, and a stream must be asked for by name.
pub(in crate::api) fn negotiate<'a>(header: impl Iterator<Item = &'a str>) -> Option<Media> {
    let ranges: Vec<Range<'_>> = header
        .flat_map(|value| value.split(','))
        .filter_map(|range| Range::parse(range.trim()))
        .collect();
    if ranges.is_empty() {
        return Some(Media::Json);
    }
    let offered = [
        (
            Media::GraphqlResponse,
            "application",
            "graphql-response+json",
        ),
        (Media::Json, "application", "json"),
        (Media::EventStream, "text", "event-stream"),
    ];
    let mut best: Option<(u16, bool, Media)> = None;
    for (media, kind, subtype) in offered {
        let Some((fit, quality)) = ranges
            .iter()
            .filter_map(|range| range.fit(kind, subtype))
            .max()
        else {
            continue;
        };
        let is_named = fit == Fit::Exact;
        let is_offered = quality > 0 && (is_named || media == Media::Json);
        if is_offered && best.is_none_or(|(most, named, _)| (quality, is_named) > (most, named)) {
            best = Some((quality, is_named, media));
        }
    }
    best.map(|(_, _, media)| media)
}

/// Chooses among any media types by the values of `Accept`: the one of highest quality, the earlier of
/// those wanted alike, the first where there is no wish; `None` where none is acceptable.
pub(in crate::api) fn best_of<'a, T: Copy>(
    header: impl Iterator<Item = &'a str>,
    offered: &[(T, &str, &str)],
) -> Option<T> {
    let ranges: Vec<Range<'_>> = header
        .flat_map(|value| value.split(','))
        .filter_map(|range| Range::parse(range.trim()))
        .collect();
    if ranges.is_empty() {
        return offered.first().map(|(one, _, _)| *one);
    }
    let mut best: Option<(u16, T)> = None;
    for (one, kind, subtype) in offered {
        let fits = ranges.iter().filter_map(|range| range.fit(kind, subtype));
        let quality = fits.max().map_or(0, |(_, quality)| quality);
        if quality > 0 && best.is_none_or(|(most, _)| quality > most) {
            best = Some((quality, *one));
        }
    }
    best.map(|(_, one)| one)
}

struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// In thousandths.
    quality: u16,
    is_utf8: bool,
}

impl<'a> Range<'a> {
    /// `None` for what is not a media range: it asks for nothing.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut range = Self {
            kind,
            subtype,
            quality: 1000,
            is_utf8: true,
        };
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let value = value.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("q") {
                range.quality = parse_quality(value)?;
            } else if name.trim().eq_ignore_ascii_case("charset") {
                range.is_utf8 = is_utf8(value);
            }
        }
        Some(range)
    }

    fn fit(&self, kind: &str, subtype: &str) -> Option<(Fit, u16)> {
        let fit = match (self.kind, self.subtype) {
            ("*", "*") => Fit::Anything,
            (mine, "*") if mine.eq_ignore_ascii_case(kind) => Fit::Kind,
            (mine, other)
                if mine.eq_ignore_ascii_case(kind) && other.eq_ignore_ascii_case(subtype) =>
            {
                Fit::Exact
            }
            _ => return None,
        };
        self.is_utf8.then_some((fit, self.quality))
    }
}

/// Whether a charset is the one that we speak.
pub(super) fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// `0`, `0.25`, `1.000`, in thousandths.
fn parse_quality(text: &str) -> Option<u16> {
    let quality: f32 = text
        .parse()
        .ok()
        .filter(|quality| (0.0..=1.0).contains(quality))?;
    // At most 1000, so nothing is cut off.
    Some((quality * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expected: Option<Media>) {
        assert_eq!(negotiate([accept].into_iter()), expected, "{accept}");
    }

    #[test]
    fn without_a_wish_it_is_json() {
        assert_eq!(negotiate(std::iter::empty()), Some(Media::Json));
        check("", Some(Media::Json));
        check("*/*", Some(Media::Json));
        check("application/*", Some(Media::Json));
        check("text/html, */*;q=0.1", Some(Media::Json));
    }

    #[test]
    fn a_type_is_chosen_by_name() {
        check("application/json", Some(Media::Json));
        check("APPLICATION/JSON; charset=UTF-8", Some(Media::Json));
        check(
            "application/graphql-response+json",
            Some(Media::GraphqlResponse),
        );
        check("text/event-stream", Some(Media::EventStream));
    }

    #[test]
    fn the_higher_quality_wins() {
        check(
            "application/graphql-response+json, application/json;q=0.9",
            Some(Media::GraphqlResponse),
        );
        check(
            "application/graphql-response+json;q=0.5, application/json;q=0.9",
            Some(Media::Json),
        );
        check("application/json;q=0.5, */*;q=0.9", Some(Media::Json));
        check(
            "text/event-stream, application/json;q=0.2",
            Some(Media::EventStream),
        );
    }

    #[test]
    fn wanted_alike_the_graphql_type_is_answered() {
        check(
            "application/json, application/graphql-response+json",
            Some(Media::GraphqlResponse),
        );
        check(
            "application/graphql-response+json, */*",
            Some(Media::GraphqlResponse),
        );
    }

    #[test]
    fn what_we_do_not_have_is_not_acceptable() {
        check("text/html", None);
        check("text/*", None);
        check("application/json;q=0", None);
        check("application/json;q=0, */*", None);
        check("application/json; charset=utf-16", None);
    }
}
