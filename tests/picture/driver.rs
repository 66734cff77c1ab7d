//! A browser of a test: Chromium without a window, behind its driver on a free port.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::reading::scratch;

/// A page in a browser, under a reader's hands.
#[derive(Debug)]
pub(super) struct Browser {
    client: Client,
}

/// Where something is on the screen.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Does something with a browser; afterwards the console must be empty of errors. Where no browser
/// is, it is skipped, or fails if one must be there.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "whether it runs is said aside"
)]
pub(super) fn in_browser(name: &str, act: impl AsyncFnOnce(&Browser)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be had").block_on(async {
        let begun = match Driver::start() {
            Ok(driver) => driver.session().await.map(|client| (driver, client)),
            Err(error) => Err(format!("no chromedriver: {error}")),
        };
        match begun {
            Ok((_driver, client)) => {
                let browser = Browser { client };
                browser.size(1280, 800).await;
                act(&browser).await;
                browser.is_quiet().await;
                browser.client.close().await.expect("the session ends");
            }
            Err(why) if std::env::var("PERJURY_BROWSER").is_ok() => {
                panic!("PERJURY_BROWSER is set, and there is no browser: {why}")
            }
            Err(why) => eprintln!("{name} is skipped, for want of a browser: {why}"),
        }
    });
}

/// The driver's process, which ends with the test.
struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    fn start() -> std::io::Result<Driver> {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let out = child.stdout.take().expect("its output is ours");
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        let told = lines.find_map(|line| line.split("successfully on port ").nth(1).map(port));
        match told.flatten() {
            Some(port) => Ok(Driver { child, port }),
            None => Err(std::io::Error::other("it does not say its port")),
        }
    }

    async fn session(&self) -> Result<Client, String> {
        let options = json!({
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars",
            ] },
        });
        let Value::Object(options) = options else { unreachable!("it is an object") };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let connected = builder.capabilities(options).connect(&self.address()).await;
        connected.map_err(|error| format!("no browser starts: {error}"))
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The number at the beginning of what stands behind the words.
fn port(text: &str) -> Option<u16> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// What only this driver can do.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    async fn own(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Own { path, body }).await.expect("the driver can do it")
    }

    async fn tools(&self, command: &str, params: Value) {
        self.own("goog/cdp/execute", json!({ "cmd": command, "params": params })).await;
    }

    /// No error, no warning in the console.
    async fn is_quiet(&self) {
        let log = self.own("se/log", json!({ "type": "browser" })).await;
        let loud = log.as_array().into_iter().flatten().filter(|entry| entry["level"] != "INFO");
        assert_eq!(loud.collect::<Vec<_>>(), Vec::<&Value>::new());
    }

    /// Opens a page of the disk.
    pub(super) async fn open(&self, page: &str) {
        let address = match Path::new(page).is_absolute() {
            true => format!("file://{}", page.replace('<', "%3C").replace('>', "%3E")),
            false => page.to_owned(),
        };
        self.client.goto(&address).await.expect("the page opens");
        self.rest().await;
    }

    /// Until two frames were drawn: what follows from a choice is there.
    async fn rest(&self) {
        let frames = "const done = arguments[0];
            requestAnimationFrame(() => requestAnimationFrame(() => done()));";
        self.client.execute_async(frames, Vec::new()).await.expect("frames are drawn");
    }

    pub(super) async fn url(&self) -> String {
        self.client.current_url().await.expect("a page has an address").to_string()
    }

    /// What a script returns.
    pub(super) async fn run(&self, script: &str) -> Value {
        let value = self.client.execute(script, Vec::new()).await;
        let value = value.unwrap_or_else(|error| panic!("{script}: {error}"));
        self.rest().await;
        value
    }

    async fn find(&self, selector: &str) -> Element {
        let found = self.client.find(Locator::Css(selector)).await;
        found.unwrap_or_else(|error| panic!("{selector}: {error}"))
    }

    /// The text that is seen there.
    pub(super) async fn text(&self, selector: &str) -> String {
        self.find(selector).await.text().await.expect("it has a text")
    }

    /// An attribute of each of these.
    pub(super) async fn texts(&self, selector: &str, attribute: &str) -> Vec<String> {
        let all = self.client.find_all(Locator::Css(selector)).await.expect("they are found");
        let mut texts = Vec::new();
        for element in all {
            texts.extend(element.attr(attribute).await.expect("it can be asked"));
        }
        texts
    }

    pub(super) async fn place(&self, selector: &str) -> Place {
        let (_, y, width, height) =
            self.find(selector).await.rectangle().await.expect("it is somewhere");
        Place { y, width, height }
    }

    pub(super) async fn click(&self, selector: &str) {
        self.find(selector).await.click().await.expect("it can be clicked");
        self.rest().await;
    }

    pub(super) async fn choose(&self, selector: &str, value: &str) {
        self.find(selector).await.select_by_value(value).await.expect("it can be chosen");
        self.rest().await;
    }

    /// Clicks an event of the diagram with the pointer, where it is drawn.
    pub(super) async fn click_event(&self, number: u64) {
        let scroll = format!("const [, y] = picture.place({number}); picture.scroll(y - 400);");
        self.run(&scroll).await;
        let place = self.run(&format!("return picture.place({number})")).await;
        let [x, y] = [0, 1].map(|i| place[i].as_f64().expect("a place").round());
        let duration = Some(Duration::from_millis(20));
        let button = MOUSE_BUTTON_LEFT;
        let mouse = MouseActions::new("mouse".to_owned())
            .then(PointerAction::MoveTo { duration, x, y })
            .then(PointerAction::Down { button })
            .then(PointerAction::Up { button });
        self.client.perform_actions(mouse).await.expect("the pointer can be moved");
        self.rest().await;
    }

    /// Drags the diagram, and says by how much it is scrolled then.
    pub(super) async fn drag(&self, across: i32, down: i32) -> [f64; 2] {
        let (duration, button) = (Some(Duration::from_millis(50)), MOUSE_BUTTON_LEFT);
        let from = [600.0, 500.0];
        let to = [from[0] + f64::from(across), from[1] + f64::from(down)];
        let mouse = MouseActions::new("mouse".to_owned())
            .then(PointerAction::MoveTo { duration, x: from[0], y: from[1] })
            .then(PointerAction::Down { button })
            .then(PointerAction::MoveTo { duration, x: to[0], y: to[1] })
            .then(PointerAction::Up { button });
        self.client.perform_actions(mouse).await.expect("the pointer can be moved");
        let view = self.run("return [picture.view.x, picture.view.y]").await;
        [0, 1].map(|i| view[i].as_f64().expect("a number"))
    }

    /// Types into a field.
    pub(super) async fn type_in(&self, selector: &str, text: &str) {
        self.find(selector).await.send_keys(text).await.expect("it can be typed into");
        self.rest().await;
    }

    /// Presses a key in a field.
    pub(super) async fn press_in(&self, selector: &str, key: &str) {
        self.type_in(selector, &typed(key)).await;
    }

    /// Presses a key with the diagram in focus.
    pub(super) async fn key(&self, key: &str) {
        self.press_in("#diagram", key).await;
    }

    pub(super) async fn size(&self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.tools("Emulation.setDeviceMetricsOverride", size).await;
    }

    pub(super) async fn prefer_dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.tools("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
    }

    /// A picture of the page, for a person who looks at it.
    pub(super) async fn shoot(&self, name: &str) {
        self.rest().await;
        let picture = self.client.screenshot().await.expect("the page can be seen");
        let path = scratch("screenshots").join(format!("{name}.png"));
        std::fs::write(path, picture).expect("a file can be written");
    }
}

/// A key as the driver takes it.
fn typed(key: &str) -> String {
    let code = match key {
        "Enter" => '\u{e007}',
        "Escape" => '\u{e00c}',
        "End" => '\u{e010}',
        "Home" => '\u{e011}',
        "ArrowLeft" => '\u{e012}',
        "ArrowUp" => '\u{e013}',
        "ArrowRight" => '\u{e014}',
        "ArrowDown" => '\u{e015}',
        plain => return plain.to_owned(),
    };
    code.to_string()
}
