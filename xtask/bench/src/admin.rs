//! The service behind `cla serve`: a process of its own, asked over HTTP as any client asks it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use cla_tests::redis::Server;
use serde_json::{Value, json};

use crate::sample::Effort;

/// How many clients watch.
const STREAMS: usize = 100;

/// How many transitions there are in a second.
const TRANSITIONS: u32 = 500;

/// The same work for both: a sum that takes some tenths of a millisecond.
const RULE: &str = "let sum = 0; for (let i = 0; i < 2000; i++) sum += i % 7; ({sum})";

/// The program that does the same with express.
const EXPRESS: &str = "xtask/bench/node/express.js";

/// A service in a folder of its own.
struct Service {
    child: Child,
    address: String,
    token: String,
    _folder: tempfile::TempDir,
}

impl Service {
    fn start(store: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("work.js"), RULE)?;
        let program = crate::crowd::cla()?;
        let cla = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command
                .args(arguments)
                .current_dir(folder.path())
                .env("CLA_HOME", folder.path().join("home"))
                .env_remove("CLA_STORE");
            command
        };
        let made = cla(&["token", "create", "--role", "operator"]).output()?;
        let token = String::from_utf8(made.stdout)?.trim().to_owned();
        let mut child = cla(&[
            "serve",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--rate",
            "1000000",
            "--store",
            store,
        ])
        .stdout(Stdio::piped())
        .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let started: Value = serde_json::from_str(&line).context("the service did not start")?;
        let address = started["address"].as_str().unwrap_or_default();
        let address = address.trim_start_matches("http://").to_owned();
        Ok(Self {
            child,
            address,
            token,
            _folder: folder,
        })
    }

    fn client(&self) -> Result<Client> {
        Client::connect(&self.address, &self.token)
    }

    fn resident_bytes(&self) -> Result<f64> {
        crate::sample::resident_bytes_of(self.child.id())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection that is kept.
struct Client {
    stream: BufReader<TcpStream>,
    address: String,
    token: String,
}

impl Client {
    fn connect(address: &str, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            address: address.to_owned(),
            token: token.to_owned(),
        })
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Result<()> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        Ok(self.stream.get_mut().write_all(request.as_bytes())?)
    }

    /// The length of the body that follows.
    fn head(&mut self) -> Result<usize> {
        let (mut length, mut first) = (0, true);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            if first {
                ensure!(line.contains(" 20"), "the answer is {line:?}");
                first = false;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                return Ok(length);
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse()?;
            }
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Result<Value> {
        self.send(method, path, &body.to_string())?;
        let mut text = vec![0; self.head()?];
        self.stream.read_exact(&mut text)?;
        Ok(serde_json::from_slice(&text).unwrap_or_default())
    }
}

/// From a transition to its event at the slowest of a hundred clients that watch: the 99th percentile, in nanoseconds.
pub(crate) fn event(effort: Effort) -> Result<f64> {
    let service = Service::start("memory:")?;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut watchers = Vec::new();
    for _ in 0..STREAMS {
        let mut client = service.client()?;
        client.send("GET", "/api/v1/events", "")?;
        client.head()?;
        let patience = Duration::from_millis(500);
        client.stream.get_ref().set_read_timeout(Some(patience))?;
        let is_over = Arc::clone(&is_over);
        watchers.push(thread::spawn(move || delays(client.stream, &is_over)));
    }
    let mut client = service.client()?;
    let transitions = effort.times(TRANSITIONS * 10);
    let between = Duration::from_secs(1) / TRANSITIONS;
    let started = Instant::now();
    for nth in 0..transitions {
        // Never the one that a new semaphore has: the slots change with each request.
        let slots = json!({"slots": 2 + nth % 2});
        client.ask("POST", "/api/v1/semaphores/x/slots", &slots)?;
        let next = started + between * (nth + 1);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    thread::sleep(Duration::from_secs(1));
    is_over.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for watcher in watchers {
        all.extend(
            watcher
                .join()
                .map_err(|_| anyhow::anyhow!("a client failed"))?,
        );
    }
    let least = STREAMS * transitions as usize;
    ensure!(all.len() >= least, "{} of {least} events came", all.len());
    all.sort_by(f64::total_cmp);
    Ok(all[all.len() * 99 / 100] * 1e9)
}

/// How long after it happened each event came, in seconds.
fn delays(mut stream: BufReader<TcpStream>, is_over: &AtomicBool) -> Vec<f64> {
    let mut delays = Vec::new();
    let mut line = String::new();
    while !is_over.load(Ordering::Relaxed) {
        match stream.read_line(&mut line) {
            Ok(0) => break,
            // The rest of the line may come later.
            Err(_) => continue,
            Ok(_) => {}
        }
        if let Some(text) = line.strip_prefix("data: ")
            && let Ok(event) = serde_json::from_str::<Value>(text)
            && event["kind"] == "slots_changed"
            && let Some(at) = event["at"].as_f64()
        {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            delays.push(now.unwrap_or_default().as_secs_f64() - at);
        }
        line.clear();
    }
    delays
}

/// What a service takes that has nothing to do.
pub(crate) fn memory() -> Result<f64> {
    let service = Service::start("memory:")?;
    let mut client = service.client()?;
    client.ask("GET", "/api/v1/semaphores", &json!({}))?;
    thread::sleep(Duration::from_secs(1));
    service.resident_bytes()
}

/// What an open panel adds to a service: its page is read once, and then its stream of events stays open.
pub(crate) fn panel() -> Result<f64> {
    const PANELS: u32 = 200;
    let service = Service::start("memory:")?;
    let open = || -> Result<Client> {
        let mut page = service.client()?;
        page.ask("GET", "/", &Value::Null)?;
        let mut stream = service.client()?;
        stream.send("GET", "/api/v1/events?coalesce=50", "")?;
        stream.head()?;
        Ok(stream)
    };
    // The first few make what all of them share.
    let _first = (0..20).map(|_| open()).collect::<Result<Vec<_>>>()?;
    thread::sleep(Duration::from_secs(1));
    let before = service.resident_bytes()?;
    let _panels = (0..PANELS).map(|_| open()).collect::<Result<Vec<_>>>()?;
    thread::sleep(Duration::from_secs(1));
    Ok((service.resident_bytes()? - before) / f64::from(PANELS))
}

/// Rules that are run over HTTP, in a second, by this many clients at once.
pub(crate) fn runs(effort: Effort) -> Result<f64> {
    let service = Service::start("memory:")?;
    let body = json!({"rule": "work.js", "wait": true});
    per_second(effort, || {
        let mut client = service.client()?;
        let body = body.clone();
        Ok(move || {
            let ended = client.ask("POST", "/api/v1/runs", &body)?;
            ensure!(ended["status"] == "ok", "{ended}");
            Ok(())
        })
    })
}

/// The same work, by express.
pub(crate) fn express(effort: Effort) -> Result<f64> {
    ensure!(
        Path::new(EXPRESS).exists(),
        "{EXPRESS} is not below the current folder"
    );
    let mut child = Command::new("node")
        .arg(EXPRESS)
        .stdout(Stdio::piped())
        .spawn()
        .context("node does not start")?;
    let mut port = String::new();
    let stdout = child.stdout.take().context("no standard output")?;
    let read = BufReader::new(stdout).read_line(&mut port);
    let address = format!("127.0.0.1:{}", port.trim());
    let measured = read.map_err(anyhow::Error::from).and_then(|_| {
        per_second(effort, || {
            let mut client = Client::connect(&address, "")?;
            Ok(move || {
                let ended = client.ask("POST", "/runs", &json!({}))?;
                ensure!(ended["status"] == "ok", "{ended}");
                Ok(())
            })
        })
    });
    child.kill()?;
    child.wait()?;
    measured
}

/// How many clients ask at once.
const CLIENTS: usize = 8;

fn per_second<W>(effort: Effort, mut worker: impl FnMut() -> Result<W>) -> Result<f64>
where
    W: FnMut() -> Result<()> + Send + 'static,
{
    let time = Duration::from_secs(if effort.quick { 1 } else { 3 });
    let mut workers = Vec::new();
    for _ in 0..CLIENTS {
        let mut work = worker()?;
        // Until everything is loaded.
        work()?;
        workers.push(work);
    }
    let started = Instant::now();
    let threads: Vec<_> = workers
        .into_iter()
        .map(|mut work| {
            thread::spawn(move || {
                let mut done = 0_u32;
                while started.elapsed() < time {
                    work()?;
                    done += 1;
                }
                anyhow::Ok(done)
            })
        })
        .collect();
    let mut all = 0;
    for thread in threads {
        match thread.join() {
            Ok(done) => all += done?,
            Err(_) => bail!("a client failed"),
        }
    }
    Ok(f64::from(all) / started.elapsed().as_secs_f64())
}

/// From the release by one client to the answer to another that waits, on a Redis server: the median, in nanoseconds.
pub(crate) fn hand_over(effort: Effort) -> Result<f64> {
    let server = Server::start();
    let service = Service::start(&format!("{}?warnings=off", server.url()))?;
    let turns = effort.times(400) as usize;
    let mut holder = service.client()?;
    let mut watching = service.client()?;
    let mut waiter = service.client()?;
    let path = |what| format!("/api/v1/semaphores/slot/{what}");
    let wish = json!({"wait": "30s"}).to_string();
    let mut lease = holder.ask("POST", &path("acquire"), &json!({}))?["lease"].clone();
    let mut times = Vec::with_capacity(turns);
    for _ in 0..turns {
        waiter.send("POST", &path("acquire"), &wish)?;
        while watching.ask("GET", "/api/v1/semaphores/slot", &json!({}))?["waiting"] != 1 {}
        let released = Instant::now();
        holder.send(
            "POST",
            &path("release"),
            &json!({"lease": lease}).to_string(),
        )?;
        let mut text = vec![0; waiter.head()?];
        waiter.stream.read_exact(&mut text)?;
        times.push(released.elapsed());
        holder.head()?;
        let given: Value = serde_json::from_slice(&text)?;
        lease = given["lease"].clone();
    }
    times.sort_unstable();
    Ok(times[turns / 2].as_nanos() as f64)
}
