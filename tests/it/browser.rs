//! A browser as far as a sign-in needs one: it keeps cookies, and goes where it is sent one step at a
//! time, so that a test can look at each.

use std::collections::BTreeMap;

use reqwest::header::{AUTHORIZATION, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, StatusCode, Url, redirect};

/// More steps than this are a circle.
const STEPS_MAX: usize = 6;

/// One browser with its own cookies.
pub(crate) struct Browser {
    http: Client,
    /// By host and name; the path under which each is sent, and its value.
    cookies: BTreeMap<(String, String), (String, String)>,
}

/// What a step led to.
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    /// Where the browser is sent next.
    pub(crate) location: Option<Url>,
    /// `Set-Cookie` as it came.
    pub(crate) set_cookie: Option<String>,
    pub(crate) text: String,
}

impl Browser {
    /// One that was never used.
    pub(crate) fn new() -> Self {
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()
            .unwrap();
        Self {
            http,
            cookies: BTreeMap::new(),
        }
    }

    /// One step: asks for an address and goes no further.
    pub(crate) async fn step(&mut self, url: &Url) -> Page {
        self.ask(url, None).await
    }

    /// One step with a bearer token, as only a program can take it.
    pub(crate) async fn step_with_token(&mut self, url: &Url, token: &str) -> Page {
        self.ask(url, Some(token)).await
    }

    /// All steps, up to a page that sends nowhere.
    pub(crate) async fn visit(&mut self, url: &Url) -> Page {
        let mut page = self.step(url).await;
        for _ in 0..STEPS_MAX {
            let Some(next) = page.location.take() else {
                return page;
            };
            page = self.step(&next).await;
        }
        panic!("the browser is sent in circles, last to {}", page.url);
    }

    /// The value of a cookie that it would send to an address.
    pub(crate) fn cookie(&self, url: &Url, name: &str) -> Option<&str> {
        let key = (url.host_str()?.to_owned(), name.to_owned());
        let (path, value) = self.cookies.get(&key)?;
        url.path().starts_with(path).then_some(value)
    }

    async fn ask(&mut self, url: &Url, token: Option<&str>) -> Page {
        let mut request = self.http.get(url.clone());
        let host = url.host_str().unwrap().to_owned();
        for ((of, name), (path, value)) in &self.cookies {
            if *of == host && url.path().starts_with(path) {
                request = request.header(COOKIE, format!("{name}={value}"));
            }
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let answer = request.send().await.unwrap();
        let header = |name| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
        let set_cookie = header(SET_COOKIE);
        let location = header(LOCATION).map(|location| url.join(&location).unwrap());
        if let Some(cookie) = &set_cookie {
            self.keep(host, cookie);
        }
        Page {
            url: url.clone(),
            status: answer.status(),
            location,
            set_cookie,
            text: answer.text().await.unwrap(),
        }
    }

    fn keep(&mut self, host: String, cookie: &str) {
        let mut parts = cookie.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let key = (host, name.to_owned());
        let attributes: BTreeMap<&str, &str> =
            parts.filter_map(|part| part.split_once('=')).collect();
        if attributes.get("Max-Age") == Some(&"0") {
            self.cookies.remove(&key);
        } else {
            let path = attributes.get("Path").copied().unwrap_or("/");
            self.cookies
                .insert(key, (path.to_owned(), value.to_owned()));
        }
    }
}

/// The only value of a parameter of an address.
pub(crate) fn parameter(url: &Url, name: &str) -> String {
    let mut values = url.query_pairs().filter(|(key, _)| key == name);
    let value = values
        .next()
        .unwrap_or_else(|| panic!("{url} has no {name}"));
    assert_eq!(values.next(), None, "{url} has two {name}");
    value.1.into_owned()
}

/// An address with a parameter changed; `None` leaves it out.
pub(crate) fn with_parameter(url: &Url, name: &str, value: Option<&str>) -> Url {
    let others: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| key != name)
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    let mut changed = url.clone();
    changed
        .query_pairs_mut()
        .clear()
        .extend_pairs(others)
        .extend_pairs(value.map(|value| (name, value)));
    changed
}
