//! A real Chromium, driven by its own driver; both are Debian's packages, and `make browser` installs them.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::http;
use crate::collector::follow;
use crate::within;

/// A key that is no character.
pub const ENTER: &str = "\u{e007}";
/// The one that goes to what can be used next.
pub const TAB: &str = "\u{e004}";
/// Held while another is pressed.
pub const SHIFT: &str = "\u{e008}";

/// A browser with one window; it ends when dropped.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    /// What it writes; deleted with it.
    _folder: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its driver: they are a group of their own.
        if let Some(group) = rustix::process::Pid::from_raw(self.driver.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.driver.wait();
    }
}

impl Browser {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn start() -> Self {
        use std::os::unix::process::CommandExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver: {error}; see `make browser`"));
        let reading = Arc::new(AtomicBool::new(true));
        let mut output = follow(driver.stdout.take().unwrap(), &reading);
        let port = |lines: &Vec<String>| {
            let mut lines = lines.iter();
            let line = lines.find(|line| line.contains("started successfully on port"))?;
            line.trim_end_matches('.').rsplit(' ').next()?.parse().ok()
        };
        let port: u16 = within("chromedriver", async {
            let lines = output.wait_for(|lines| port(lines).is_some()).await;
            port(&lines.unwrap()).unwrap()
        })
        .await;
        let mut browser = Browser {
            driver,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            session: String::new(),
            _folder: folder,
        };
        let arguments = [
            "--headless=new",
            // It runs as root in CI, and loads nothing but our page.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--window-size=1360,900",
            "--lang=en-GB",
        ];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = browser.ask(Method::POST, "/session", capabilities).await;
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        let path = format!("{}{path}", self.session);
        let body = match method {
            Method::GET => String::new(),
            _ => body.to_string(),
        };
        let headers = [("content-type", "application/json")];
        let reply = http(self.address, method, &path, &headers, body).await;
        let mut answer: Value = serde_json::from_slice(&reply.body).unwrap();
        assert!(reply.status.is_success(), "{path}: {answer}");
        answer["value"].take()
    }

    /// Goes to an address.
    pub async fn go(&self, url: &str) {
        self.ask(Method::POST, "/url", json!({ "url": url })).await;
    }

    /// Runs JavaScript in the page, and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.ask(Method::POST, "/execute/sync", body).await
    }

    /// Waits until an expression of JavaScript is true.
    pub async fn until(&self, expression: &str) {
        let script = format!("return Boolean({expression});");
        let tried = async { while self.run(&script).await != true {} };
        if tokio::time::timeout(crate::DEADLINE, tried).await.is_err() {
            let text = self.text("body").await;
            panic!("in vain for {expression}; the page says:\n{text}");
        }
    }

    /// Waits until the page says something.
    pub async fn says(&self, text: &str) {
        let text = json!(text);
        self.until(&format!("document.body.innerText.includes({text})"))
            .await;
    }

    /// What an element says to who looks at it.
    pub async fn text(&self, selector: &str) -> String {
        let script = format!(
            "return document.querySelector({}).innerText;",
            json!(selector)
        );
        let text = self.run(&script).await;
        text.as_str().unwrap().to_owned()
    }

    /// Presses keys one after the other, as at a keyboard; `held` is down all the while.
    pub async fn press(&self, keys: &str, held: &[&str]) {
        let event = |kind: &str, key: &str| json!({ "type": kind, "value": key });
        let mut events: Vec<Value> = held.iter().map(|key| event("keyDown", key)).collect();
        for key in keys.chars() {
            let key = key.to_string();
            events.extend([event("keyDown", &key), event("keyUp", &key)]);
        }
        events.extend(held.iter().map(|key| event("keyUp", key)));
        let body = json!({"actions": [{"type": "key", "id": "keyboard", "actions": events}]});
        self.ask(Method::POST, "/actions", body).await;
    }

    /// Goes on with the Tab key until what has the focus is what is wanted.
    ///
    /// # Panics
    ///
    /// If it cannot be reached.
    pub async fn tab_to(&self, selector: &str) {
        let script = format!(
            "return document.activeElement.matches({});",
            json!(selector)
        );
        for _ in 0..60 {
            if self.run(&script).await == true {
                return;
            }
            self.press(TAB, &[]).await;
        }
        panic!("the Tab key does not lead to {selector}");
    }

    /// Has pages find that their reader prefers `light` or `dark`.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let body = json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}});
        self.ask(Method::POST, "/goog/cdp/execute", body).await;
    }

    /// What is seen, as PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        let image = self.ask(Method::GET, "/screenshot", Value::Null).await;
        let image = image.as_str().unwrap();
        let engine = base64::engine::general_purpose::STANDARD;
        engine.decode(image).unwrap()
    }

    /// What the browser has complained of since it was last asked.
    pub async fn complaints(&self) -> Vec<String> {
        let body = json!({ "type": "browser" });
        let lines = self.ask(Method::POST, "/se/log", body).await;
        let lines = lines.as_array().unwrap().iter();
        lines
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect()
    }
}
