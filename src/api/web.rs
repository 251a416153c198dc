//! Static pages: whatever is embedded is served as it is, with tags for caches; nothing is read from
//! disk.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::api::http::{header_values, not_found};
use crate::api::pages::Asset;
use crate::api::server::Shared;

/// Finds the file for a path (`/`, `/graphiql`, `/assets/main.js`) and the encodings that the browser
/// takes (the value of `Accept-Encoding`, empty where it sent none).
pub type Pages = Arc<dyn Fn(&str, &str) -> Option<Asset> + Send + Sync>;

/// Serves a page or one of its files.
pub(super) async fn page(http: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let encodings = header_values(&http, header::ACCEPT_ENCODING)
        .collect::<Vec<_>>()
        .join(", ");
    let Some(asset) = (shared.pages)(http.path(), &encodings) else {
        return not_found().await;
    };
    let etag = asset.etag;
    let is_known = header_values(&http, header::IF_NONE_MATCH)
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == etag || tag == "*");
    let status = if is_known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::VARY, "Accept-Encoding"));
    let caching = if asset.is_immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response.insert_header((header::CACHE_CONTROL, caching));
    if is_known {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, asset.content_type));
    if let Some(encoding) = asset.content_encoding {
        response.insert_header((header::CONTENT_ENCODING, encoding));
    }
    // actix leaves the body away for HEAD and keeps its length.
    match asset.bytes {
        Cow::Borrowed(bytes) => response.body(bytes),
        Cow::Owned(bytes) => response.body(bytes),
    }
}
