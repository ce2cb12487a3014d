//! Somebody who uses the portal's API without a browser, through whichever HTTP pod answers, as a load balancer would
//! send them.

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Method, Response, StatusCode, Url, header, redirect};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longer nobody waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two questions of [`Visitor::keep_asking`].
const PAUSE: Duration = Duration::from_millis(20);

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct Visitor {
    http: reqwest::Client,
    pods: Vec<String>,
    cookies: String,
    csrf: String,
}

/// What came of many questions.
#[derive(Debug, Default)]
pub struct Asked {
    /// Answered as they should.
    pub answered: u64,
    /// What came instead of an answer.
    pub failed: Vec<String>,
}

impl Visitor {
    /// Signs this user of the simulation in at a portal with these addresses (`http://host:port`).
    pub async fn sign_in(portal: &[String], user: u64) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .build()?;
        let first = portal.first().context("a portal has an address")?;
        let left = http.get(format!("{first}/login")).send().await?;
        let pending = cookie(&left)?;
        let authorize = location(&left)?;
        let form = format!("{}&user={user}", authorize.query().unwrap_or_default());
        let agreed = http
            .post(authorize)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await?;
        let back = location(&agreed)?;
        let returned = http.get(back).header(header::COOKIE, pending).send().await?;
        ensure!(returned.status() == StatusCode::SEE_OTHER, "{}", returned.text().await?);
        let mut visitor = Self {
            http,
            pods: portal.to_vec(),
            cookies: cookie(&returned)?,
            csrf: String::new(),
        };
        let session: serde_json::Value = visitor.get("/api/session").await?.json().await?;
        visitor.csrf = session["csrf"].as_str().context("a session has a token")?.to_owned();
        Ok(visitor)
    }

    /// Asks for a page or a resource.
    pub async fn get(&self, path: &str) -> Result<Response> {
        self.send(Method::GET, path, String::new()).await
    }

    /// Replaces a resource.
    pub async fn put(&self, path: &str, body: &serde_json::Value) -> Result<Response> {
        self.send(Method::PUT, path, body.to_string()).await
    }

    /// The cookies that it presents.
    pub fn cookies(&self) -> &str {
        &self.cookies
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Result<Response> {
        let mut refused = None;
        for pod in &self.pods {
            let sent = self
                .http
                .request(method.clone(), format!("{pod}{path}"))
                .header(header::COOKIE, &self.cookies)
                .header("x-csrf-token", &self.csrf)
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.clone())
                .send()
                .await;
            match sent {
                // As nginx does: the next one is asked where a connection closed before there was an answer.
                Err(error)
                    if error.is_connect() || (method.is_idempotent() && error.is_request() && !error.is_timeout()) =>
                {
                    refused = Some(error);
                }
                other => return Ok(other?),
            }
        }
        match refused {
            Some(error) => Err(error.into()),
            None => bail!("a portal has an address"),
        }
    }

    /// Asks for this path again and again until it is told to stop.
    pub async fn keep_asking(&self, path: &str, stop: CancellationToken) -> Asked {
        let mut asked = Asked::default();
        while !stop.is_cancelled() {
            match self.get(path).await {
                Ok(answer) if answer.status().is_success() => asked.answered += 1,
                Ok(answer) => {
                    let status = answer.status();
                    let text = answer.text().await.unwrap_or_default();
                    asked.failed.push(format!("{path}: {status}: {text}"));
                }
                Err(error) => asked.failed.push(format!("{path}: {error:#}")),
            }
            tokio::time::sleep(PAUSE).await;
        }
        asked
    }
}

fn location(answer: &Response) -> Result<Url> {
    let location = answer.headers().get(header::LOCATION).context("a redirect")?;
    Ok(answer.url().join(location.to_str()?)?)
}

/// The cookie that an answer sets for good, as a request presents it.
fn cookie(answer: &Response) -> Result<String> {
    let mut set = answer.headers().get_all(header::SET_COOKIE).iter();
    let kept = set.find_map(|cookie| {
        let pair = cookie.to_str().ok()?.split(';').next()?;
        (!pair.ends_with('=')).then(|| pair.to_owned())
    });
    kept.with_context(|| format!("{} sets no cookie", answer.url()))
}
