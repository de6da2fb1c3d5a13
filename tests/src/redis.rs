//! Real Redis or Valkey servers for tests: each with a free port and a folder of its own, gone with its value.
//!
//! They can be killed, restarted, frozen, emptied and cut off. Nothing of them is imitated.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than any of this takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One server.
pub struct Server {
    program: &'static str,
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    process: Option<Child>,
    /// Asked over TLS, which this file does not speak.
    tls: bool,
}

/// Whether the program is there.
#[must_use]
pub fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Which of the two programs is installed.
///
/// # Panics
/// When neither is.
#[must_use]
pub fn program() -> &'static str {
    ["redis-server", "valkey-server"]
        .into_iter()
        .find(|program| is_installed(program))
        .expect(
            "neither redis-server nor valkey-server is installed, and these tests need one: \
             install it (Debian: apt-get install redis-server, Homebrew: brew install redis), \
             or run `cargo xtask test`, which does",
        )
}

/// Waits until `is_so`, for a minute.
///
/// # Panics
/// When it never is: says `what`.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Server {
    /// A server without anything in it, which keeps nothing.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same, with more arguments.
    #[must_use]
    pub fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        Self::launch(program(), folder, free_port(), arguments, false)
    }

    /// A server of this program, which must be installed, with more arguments.
    #[must_use]
    pub fn of(program: &'static str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        Self::launch(program, folder, free_port(), arguments, false)
    }

    /// A server that speaks only TLS, with the certificate and key in `pem`.
    #[must_use]
    pub fn with_tls(certificate: &Path, key: &Path) -> Self {
        Self::tls(certificate, key, false)
    }

    /// A server that speaks only TLS, and lets nobody in who has not the certificate, or one that it has signed.
    #[must_use]
    pub fn with_client_certificates(certificate: &Path, key: &Path) -> Self {
        Self::tls(certificate, key, true)
    }

    fn tls(certificate: &Path, key: &Path, asks_clients: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        let port = free_port();
        let (tls_port, certificate, key) = (port.to_string(), path(certificate), path(key));
        let arguments = [
            "--tls-port",
            &tls_port,
            "--tls-cert-file",
            &certificate,
            "--tls-key-file",
            &key,
            "--tls-ca-cert-file",
            &certificate,
            "--tls-auth-clients",
            if asks_clients { "yes" } else { "no" },
        ];
        Self::launch(program(), folder, port, &arguments, true)
    }

    fn launch(
        program: &'static str,
        folder: TempDir,
        port: u16,
        arguments: &[&str],
        tls: bool,
    ) -> Self {
        let mut server = Self {
            program,
            folder,
            port,
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            process: None,
            tls,
        };
        server.restart();
        server
    }

    /// Starts it again on the same port, after [`kill`](Self::kill).
    pub fn restart(&mut self) {
        let port = if self.tls { 0 } else { self.port };
        let process = Command::new(self.program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        self.process = Some(process);
        let tls = self.tls;
        eventually("the server answers", || {
            if tls {
                TcpStream::connect(("127.0.0.1", self.port)).is_ok()
            } else {
                self.try_command(&["PING"]).is_ok()
            }
        });
    }

    /// How stores reach it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Stops the process where it stands; its sockets stay open.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs");
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &process.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success());
    }

    /// Cuts every client's connection.
    pub fn cut(&self) {
        for kind in ["normal", "pubsub"] {
            self.command(&["CLIENT", "KILL", "TYPE", kind]);
        }
    }

    /// Deletes everything.
    pub fn flush(&self) {
        self.command(&["FLUSHALL"]);
    }

    /// Makes it forget all scripts.
    pub fn forget_scripts(&self) {
        self.command(&["SCRIPT", "FLUSH"]);
    }

    /// What the server answers to a command, as it comes over the wire.
    ///
    /// # Panics
    /// When it does not answer, or with an error.
    pub fn command(&self, words: &[&str]) -> String {
        let answer = self.try_command(words).expect("the server answers");
        assert!(!answer.starts_with('-'), "{words:?}: {answer}");
        answer
    }

    /// The same, where there may be no answer, or an error.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn try_command(&self, words: &[&str]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut request = String::new();
        let _ = write!(request, "*{}\r\n", words.len());
        for word in words {
            let _ = write!(request, "${}\r\n{word}\r\n", word.len());
        }
        stream.write_all(request.as_bytes())?;
        // It answers what came, and then hangs up, too.
        stream.shutdown(Shutdown::Write)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three servers that share the slots of a cluster.
pub struct Cluster {
    nodes: Vec<Server>,
}

impl Cluster {
    /// Three masters, ready for use.
    #[must_use]
    pub fn start() -> Self {
        let nodes: Vec<Server> = (0..3)
            .map(|_| Server::with(&["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]))
            .collect();
        for (node, (first, last)) in nodes.iter().zip([(0, 5460), (5461, 10922), (10923, 16383)]) {
            // Older servers have no ADDSLOTSRANGE.
            let slots: Vec<String> = (first..=last).map(|slot| slot.to_string()).collect();
            let mut words = vec!["CLUSTER", "ADDSLOTS"];
            words.extend(slots.iter().map(String::as_str));
            node.command(&words);
        }
        // Only a node that knows no other takes one.
        for (epoch, node) in (1..).zip(&nodes) {
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &format!("{epoch}")]);
        }
        for node in &nodes {
            for other in &nodes {
                node.command(&["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string()]);
            }
        }
        for node in &nodes {
            eventually("the cluster is complete", || {
                let state = node.command(&["CLUSTER", "INFO"]);
                state.contains("cluster_state:ok") && state.contains("cluster_known_nodes:3")
            });
        }
        Self { nodes }
    }

    /// How stores reach it.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port))
            .collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// The servers.
    #[must_use]
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }
}

/// A master, a replica, and a Sentinel that watches over them.
pub struct Watched {
    /// Ended first: it would see the others go.
    sentinel: Server,
    /// The first is the master.
    pub servers: Vec<Server>,
}

impl Watched {
    /// All three, knowing each other.
    #[must_use]
    pub fn start() -> Self {
        let master = Server::start();
        let port = master.port.to_string();
        let replica = Server::with(&["--replicaof", "127.0.0.1", &port]);
        eventually("the replica is in step", || {
            replica
                .command(&["INFO", "replication"])
                .contains("master_link_status:up")
        });
        let folder = tempfile::tempdir().expect("a folder for the Sentinel");
        let settings = folder.path().join("sentinel.conf");
        let text = format!(
            "sentinel monitor prod 127.0.0.1 {port} 1\n\
             sentinel down-after-milliseconds prod 500\n\
             sentinel failover-timeout prod 5000\n"
        );
        std::fs::write(&settings, text).expect("the Sentinel's settings");
        let sentinel = Self::sentinel(folder, &path(&settings));
        eventually("the Sentinel knows the replica", || {
            sentinel
                .command(&["SENTINEL", "MASTER", "prod"])
                .contains("num-slaves\r\n$1\r\n1\r\n")
        });
        Self {
            sentinel,
            servers: vec![master, replica],
        }
    }

    fn sentinel(folder: TempDir, settings: &str) -> Server {
        let port = free_port();
        let program = program();
        let process = Command::new(program)
            .args([
                settings,
                "--sentinel",
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the Sentinel starts");
        let sentinel = Server {
            program,
            folder,
            port,
            arguments: Vec::new(),
            process: Some(process),
            tls: false,
        };
        eventually("the Sentinel answers", || {
            sentinel.try_command(&["PING"]).is_ok()
        });
        sentinel
    }

    /// The Sentinel itself.
    #[must_use]
    pub const fn watcher(&self) -> &Server {
        &self.sentinel
    }

    /// How stores reach it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}/prod", self.sentinel.port)
    }
}

fn path(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// A port that nobody uses. For a cluster, also the one 10,000 above it.
fn free_port() -> u16 {
    (0..1000)
        .find_map(|_| {
            let listener = TcpListener::bind(("127.0.0.1", 0)).ok()?;
            let port = listener.local_addr().ok()?.port();
            let bus = port.checked_add(10_000)?;
            TcpListener::bind(("127.0.0.1", bus)).ok()?;
            Some(port)
        })
        .expect("a free port")
}

/// A server that all who ask at the same time share, with a URL that no other of them gets: its keys begin with a
/// prefix of its own. The server ends with the last who has it.
///
/// # Panics
/// When no server can be started.
#[must_use]
pub fn shared() -> (Arc<Server>, String) {
    static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let mut running = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let server = running.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start());
        *running = Arc::downgrade(&server);
        server
    });
    let prefix = NEXT.fetch_add(1, Ordering::Relaxed);
    let url = format!("{}?prefix=test{prefix}", server.url());
    (server, url)
}
