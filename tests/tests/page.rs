//! The admin API's page in a real browser: what it shows without a token, what it does with one, and by keyboard alone.

use std::sync::Arc;

use serde_json::{Value, json};
use spanmill_tests::browser::{Browser, ENTER, SHIFT, TAB};
use spanmill_tests::{admin_token, guest, span, text, version};
use tokio::task::JoinHandle;

use crate::operator::Operated;

fn manifest() -> String {
    format!(
        r#"
admin: {{tap: all}}
plugins:
  route_names: {{file: {}}}
processors:
  memory_limiter: {{limit_mib: 512, check_interval: 1s}}
  route_names: {{behaviour: rename, name: shown, v2: well}}
  batch: {{timeout: 10ms}}
  batch/unused: {{}}
connectors:
  spanmetrics: {{metrics_flush_interval: 1s}}
exporters::nop: {{}}
exporters::otlp/other: {{endpoint: "http://127.0.0.1:1", headers: {{x-scope: hidden-scope}}}}
service:
  pipelines:
    traces/web: {{receivers: [otlp], processors: [memory_limiter, route_names, batch], exporters: [otlp, spanmetrics]}}
    metrics: {{receivers: [spanmetrics], exporters: [nop]}}
    logs: {{receivers: [otlp], exporters: [otlp/other]}}
"#,
        guest("hostile").display()
    )
}

/// A service that spans flow through until this is dropped, and a browser.
struct Shown {
    mine: Arc<Operated>,
    browser: Browser,
    sending: JoinHandle<()>,
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.sending.abort();
    }
}

impl Shown {
    async fn start() -> Self {
        let manifest = manifest();
        let (mine, browser) = tokio::join!(Operated::start(&manifest), Browser::start());
        let mine = Arc::new(mine);
        let sender = Arc::clone(&mine);
        let sending = tokio::spawn(async move {
            let mut turns = tokio::time::interval(std::time::Duration::from_millis(20));
            for number in 1.. {
                turns.tick().await;
                let card = text("card", "hidden-card");
                sender.send([span(number, "sent", vec![card])]).await;
            }
        });
        let shown = Shown {
            mine,
            browser,
            sending,
        };
        shown.browser.go(&shown.url()).await;
        shown
    }

    fn url(&self) -> String {
        format!("http://{}/", self.mine.spanmill.address("admin http"))
    }

    fn token(&self) -> String {
        admin_token(self.mine.spanmill.address("admin http"))
    }

    /// Types a token, without the mouse.
    async fn unlock(&self, token: &str) {
        self.browser.tab_to("#token").await;
        self.browser.press(token, &[]).await;
        self.browser.press(ENTER, &[]).await;
    }

    /// Goes to a view, without the mouse.
    async fn open(&self, view: &str) {
        self.browser.tab_to(&format!("[data-view={view}]")).await;
        self.browser.press(ENTER, &[]).await;
        let current = format!("document.querySelector('[data-view={view}][aria-current]')");
        self.browser.until(&current).await;
    }

    /// Nothing was forbidden by the page's own policy, and no script has failed.
    async fn is_content(&self) {
        let complaints = self.browser.complaints().await;
        // What is refused, such as a wrong token, is no mistake of the page's.
        let refused = |line: &&String| line.contains("the server responded with a status of 4");
        let others: Vec<&String> = complaints.iter().filter(|line| !refused(line)).collect();
        assert!(others.is_empty(), "{others:?}");
    }
}

/// Whether a stage of a pipeline has a value that is a rate above 0.
fn flows(component: &str, what: &str) -> String {
    format!(
        "[...document.querySelectorAll('.stage')].some(it => it.dataset.key === '{component}' && [...it.querySelectorAll('dl > div')].some(row => row.firstChild.innerText === '{what}' && parseFloat(row.lastChild.innerText) > 0))"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_there_are_rates_and_nothing_to_press() {
    let shown = Shown::start().await;
    let browser = &shown.browser;
    for (component, what) in [
        ("otlp", "accepted"),
        ("route_names", "in"),
        ("otlp", "sent"),
    ] {
        browser.until(&flows(component, what)).await;
    }
    browser.says("Ready").await;
    let order = "return [...document.querySelectorAll('[data-key=\"pipeline-traces/web\"] .stage')].map(it => it.dataset.key);";
    assert_eq!(
        browser.run(order).await,
        json!([
            "otlp",
            "memory_limiter",
            "route_names",
            "batch",
            "otlp",
            "spanmetrics"
        ])
    );
    let is_locked = async || {
        let pressed = "return [...document.querySelectorAll('button, a, input, select')].filter(it => it.checkVisibility()).map(it => it.id || it.innerText);";
        assert_eq!(
            browser.run(pressed).await,
            json!([
                "skip",
                "Overview",
                "token",
                "Unlock",
                "metrics",
                "traces/web"
            ])
        );
        let asked = "return [...new Set(performance.getEntriesByType('resource').map(it => new URL(it.name).pathname).filter(it => !it.startsWith('/assets/')))];";
        assert_eq!(browser.run(asked).await, json!(["/v1/overview"]));
        let html = browser
            .run("return document.documentElement.outerHTML;")
            .await;
        for hidden in ["hidden-", "sent\"", ".wasm", "127.0.0.1"] {
            assert!(!html.as_str().unwrap().contains(hidden), "{hidden}: {html}");
        }
    };
    is_locked().await;
    // Whoever guesses is told, and sees what they have seen before.
    browser.run("location.hash = 'plugins';").await;
    shown.unlock("wrong").await;
    browser.says("That is not the token.").await;
    browser.until(&flows("route_names", "in")).await;
    is_locked().await;
    shown.is_content().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_is_looked_at_and_promoted_by_keyboard() {
    let shown = Shown::start().await;
    let (mine, browser) = (&shown.mine, &shown.browser);
    let v2 = guest("hostile_v2").display().to_string();
    mine.told(&["shadow", "route_names", &v2, "--for", "10m", "--detach"])
        .await;
    browser.says("Token").await;
    // The first key leads past everything.
    browser.press(TAB, &[]).await;
    browser.press(ENTER, &[]).await;
    browser.until("document.activeElement.id === 'main'").await;
    shown.unlock(&shown.token()).await;
    shown.open("plugins").await;
    browser.says("hostile_v2.wasm").await;
    browser
        .until("[...document.querySelectorAll('.shadow dl > div')].some(it => it.firstChild.innerText === 'edits differ' && parseFloat(it.lastChild.innerText) > 0)")
        .await;
    let before = mine.told(&["status", "route_names"]).await;
    browser.tab_to("[data-action=promote]").await;
    browser.press(ENTER, &[]).await;
    browser.says("Promote the shadow of route_names?").await;
    // Who presses on has changed nothing.
    browser.press(ENTER, &[]).await;
    browser
        .until("!document.getElementById('confirm').open")
        .await;
    let status = mine.told(&["status", "route_names"]).await;
    assert_eq!(status[0]["version"]["hash"], before[0]["version"]["hash"]);
    browser.tab_to("[data-action=promote]").await;
    browser.press(ENTER, &[]).await;
    browser.says("Promote the shadow of route_names?").await;
    browser.press(TAB, &[SHIFT]).await;
    browser.press(ENTER, &[]).await;
    browser.says("Promoted: route_names runs").await;
    browser.says("The version before").await;
    let promoted = |told: &Value| told[0]["version"]["source"] == "hostile_v2.wasm";
    mine.told_at_last(&["status", "route_names"], promoted)
        .await;
    // What is pressed keeps the focus while numbers change around it.
    browser.tab_to("[data-action=reload]").await;
    browser.press(ENTER, &[]).await;
    browser.press(TAB, &[SHIFT]).await;
    browser.press(ENTER, &[]).await;
    browser
        .until("/Reloaded|Nothing has changed/.test(document.getElementById('told').innerText)")
        .await;
    shown.is_content().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_shows_no_secret_and_the_tap_what_passes() {
    let shown = Shown::start().await;
    let browser = &shown.browser;
    shown.unlock(&shown.token()).await;
    shown.open("manifest").await;
    browser
        .says("processor batch/unused is defined, but no pipeline uses it")
        .await;
    let text = browser.text("main").await;
    assert!(text.contains("x-scope: ***"), "{text}");
    assert!(!text.contains("hidden-scope"), "{text}");
    // A warning leads to its line.
    browser.tab_to("[data-line]").await;
    browser.press(ENTER, &[]).await;
    browser
        .until("document.activeElement.innerText.includes('batch/unused')")
        .await;

    shown.open("tap").await;
    browser.tab_to("#tap-filter").await;
    browser.press("span.nme == 1", &[]).await;
    browser.press(ENTER, &[]).await;
    browser.says("the condition cannot be used on spans").await;
    browser.run("document.getElementById('tap-filter').value = ''; document.getElementById('tap-target').value = 'traces/web';").await;
    browser.tab_to("#tap [type=submit]").await;
    browser.press(ENTER, &[]).await;
    browser.says("traces/web  shop  shown").await;
    assert_eq!(browser.text("#tap [type=submit]").await, "Stop");
    // The button that has started it, stops it.
    browser.press(ENTER, &[]).await;
    browser.says("Stopped.").await;
    browser.tab_to(".items summary").await;
    browser.press(ENTER, &[]).await;
    browser.says("hidden-card").await;
    shown.is_content().await;

    // Forgotten with one press, and gone with the window.
    browser.tab_to("#lock").await;
    browser.press(ENTER, &[]).await;
    browser.until("document.activeElement.id === 'token'").await;
    let left = browser
        .run("return [sessionStorage.length, document.body.innerText.includes('hidden-')];")
        .await;
    assert_eq!(left, json!([0, false]));
}

/// With `UPDATE=1` the pictures in `docs/images` are made anew.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_light_or_dark_as_its_reader_prefers() {
    let shown = Shown::start().await;
    let browser = &shown.browser;
    let mine = &shown.mine;
    let file = |name: &str, of: &str| {
        let file = mine.spanmill.file(name);
        std::fs::write(&file, version(&guest(of), name)).unwrap();
        file.display().to_string()
    };
    let (one, two) = (
        file("route_names-1.wasm", "hostile"),
        file("route_names-2.wasm", "hostile_v2"),
    );
    mine.told(&["swap", "route_names", &one, "--probation", "0"])
        .await;
    mine.told(&["shadow", "route_names", &two, "--for", "10m", "--detach"])
        .await;
    browser.until(&flows("route_names", "in")).await;
    shown.unlock(&shown.token()).await;
    let mut backs = Vec::new();
    for (scheme, view, shows) in [
        ("light", "overview", "accepted"),
        ("dark", "plugins", "some that differ"),
    ] {
        browser.prefer(scheme).await;
        shown.open(view).await;
        browser.says(shows).await;
        let back = "return getComputedStyle(document.body).backgroundColor;";
        backs.push(browser.run(back).await);
        browser.run("document.activeElement.blur();").await;
        let picture = browser.screenshot().await;
        assert!(picture.starts_with(b"\x89PNG"));
        if std::env::var_os("UPDATE").is_some() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/images");
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(format!("{folder}/page-{view}.png"), picture).unwrap();
        }
    }
    assert_eq!(backs, ["rgb(255, 255, 255)", "rgb(18, 23, 30)"]);
}
