//! `cla serve`: the administrators' panel in a browser, and its HTTP interface.

mod notify;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use cla_admin::axum::http::HeaderName;
use cla_admin::{Admin, Network, Rules, Server, Shutdown, TokenStore, UserRole};
use cla_runtime::output::OutputStream;
use cla_runtime::secrets::Secrets;
use cla_runtime::semaphore::{Semaphores, printable};
use cla_runtime::{Engine, EngineBuilder, Limits};
use serde::Serialize;
use tracing::level_filters::LevelFilter;

use crate::permissions::{Granted, PermissionArgs};
use crate::secrets::SecretArgs;
use crate::signals::Signals;
use crate::store::{Cautions, Choice, Declared, StoreArgs};

/// The file with the tokens that `cla token` makes, in the state folder.
pub(crate) const TOKENS: &str = "tokens.json";

/// As many threads as answer clients at most; rules run on others.
const THREADS: usize = 4;

/// Watch and steer semaphores in a browser and over HTTP, and run the rules of a folder
///
/// Prints a link that signs one browser in, once. Others sign in with tokens: see `cla token`. Programs send a token as
/// `Authorization: Bearer TOKEN`; the interface is described at /openapi.json.
///
/// Ctrl-C or SIGTERM ends it in order: nothing new begins, what runs gets some time, and everything is given back.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The folder whose rules can be run
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// The address to listen at; port 0 is any free one
    ///
    /// An address that other machines reach needs --tls-cert and --tls-key, or --plain-http.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7007", value_parser = address)]
    listen: SocketAddr,
    /// A further name by which clients reach it: cla.example.com:7007, or `https://cla.example.com` behind a proxy with TLS
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// Speak TLS with the certificate in this PEM file, followed by those that vouch for it; read anew when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen without TLS at an address that other machines reach: a proxy in front does that
    #[arg(long)]
    plain_http: bool,
    /// Believe a proxy at this address, or in this range, when it says for whom it asks (X-Forwarded-For)
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    trusted_proxies: Vec<Network>,
    /// The header in which a trusted proxy says whom it has signed in; from other addresses it is refused
    #[arg(long, value_name = "NAME", requires = "trusted_proxies")]
    user_header: Option<HeaderName>,
    /// What such users may do: viewer, operator or admin; or the header in which the proxy says it
    #[arg(long, value_name = "ROLE|HEADER", default_value = "viewer")]
    user_role: UserRole,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    permissions: PermissionArgs,
    #[command(flatten)]
    secrets: SecretArgs,
    /// At the end, how long runs may go on before they are cancelled: 250ms, 30s, 5m, or seconds
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = crate::durations::patience)]
    grace: Duration,
    /// End a run that takes longer, waiting included
    #[arg(long, value_name = "DURATION", value_parser = crate::durations::limit)]
    timeout: Option<Duration>,
    /// How long a run may go on in its `finally` blocks after it was cancelled, or its time is over: as `cla run --grace`
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = crate::durations::patience)]
    run_grace: Duration,
    /// End a run that uses more memory: 64M, 1GiB (powers of 1024)
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = crate::run::sizes::memory)]
    memory: usize,
    /// Threads that run rules
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: u16,
    /// The requests that one address may send in a second; twice as many at once
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Let administrators run code of their own at the panel: it may do all that this program may
    #[arg(long)]
    repl: bool,
    /// The SQLite file that remembers the runs: a file of the folder's own in the state folder, if absent
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// How much to log on standard error
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: LogLevel,
    /// The format of the log
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Print where it listens as a line of JSON: address, link, pid
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cla serve                              open the link that it prints
  cla serve rules --listen 127.0.0.1:0   the rules in a folder, at a free port
  cla serve --secrets-from FILE          what rules read with cla.secret(...), and is never shown
  cla serve --repl                       with a page where administrators run code
  cla token create --role operator       a token for a program

Exit code:
  0    ended in order
  1    cannot listen there
  2    wrong usage, which includes CLA_STORE and cla.toml";

/// How much is logged.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Started {
    address: String,
    link: String,
    pid: u32,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let is_protected = args.tls_cert.is_some() || args.plain_http;
    if !args.listen.ip().is_loopback() && !is_protected {
        crate::exit::wrong_usage::<Args>(
            "serve",
            &format_args!(
                "{} can be reached by other machines, and tokens would travel unprotected: give --tls-cert and \
                 --tls-key, or put a proxy with TLS in front and say --plain-http, or listen at 127.0.0.1",
                args.listen
            ),
        );
    }
    let granted = match args.permissions.grant(&args.folder) {
        Ok(granted) => granted,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let choice = match args.store.choose() {
        Ok(choice) => choice,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let declared = match crate::store::declared(&args.folder) {
        Ok(declared) => declared,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let secrets = args
        .secrets
        .of_rules(&args.folder, &args.permissions, &choice.url);
    let secrets = match secrets {
        Ok(secrets) => secrets,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    log(args);
    for (name, why) in secrets.all_missing() {
        tracing::warn!("there is no secret {name}: {}", printable(why));
    }
    match serve(args, &choice, declared, &granted, &secrets) {
        Ok(code) => code,
        Err(error) => {
            crate::exit::report(&format_args!("cannot serve at {}: {error}", args.listen));
            ExitCode::from(crate::exit::FAILED)
        }
    }
}

/// Sends what the service has to say to standard error.
/// Reads the address to listen at.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an address with its port: 127.0.0.1:7007, [::1]:7007, or 0.0.0.0:7007 for all"
            .to_owned()
    })
}

fn log(args: &Args) {
    let level = match args.log {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let format = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(crate::out::is_coloured(OutputStream::Stderr));
    // No other command sets a logger, so this cannot fail.
    let _ = match args.log_format {
        LogFormat::Text => format.with_target(false).try_init(),
        LogFormat::Json => format.json().flatten_event(true).try_init(),
    };
}

fn serve(
    args: &Args,
    choice: &Choice,
    declared: Declared,
    granted: &Granted,
    secrets: &Secrets,
) -> io::Result<ExitCode> {
    let semaphores = match choice.open() {
        Ok(semaphores) => semaphores,
        Err(problem) => {
            crate::exit::report(&problem);
            return Ok(ExitCode::from(crate::exit::USAGE));
        }
    };
    allow_many_clients();
    cla_runtime::semaphore::descriptors::for_an_event_loop()?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors.min(THREADS))
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let mut server = Server::bind(args.listen).await?;
        let mut admin = Admin::builder(semaphores.clone())
            .listening_on(server.local_addr()?)
            .requests_per_second(args.rate);
        if let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) {
            server = server.with_tls(certificate, key)?;
            admin = admin.over_tls();
        }
        for host in &args.hosts {
            admin = admin.allowed_host(host.as_str());
        }
        if let Some(folder) = crate::store::state_folder() {
            admin = admin.tokens(TokenStore::new(folder.join(TOKENS)));
        }
        for network in &args.trusted_proxies {
            admin = admin.trusted_proxy(*network);
        }
        if let Some(header) = &args.user_header {
            admin = admin.proxy_users(header.clone(), args.user_role.clone());
        }
        for declaration in declared.semaphores {
            admin = admin.declare(declaration);
        }
        if let Some(openid) = declared.openid {
            admin = admin.openid(openid);
        }
        if let Some(webhook) = declared.webhook {
            admin = admin.alert_webhook(webhook);
        }
        let _cautions = Cautions::of(&choice.url, &semaphores, |caution| {
            tracing::warn!("{}", printable(caution));
        });
        let admin = admin
            .rules(rules(
                args,
                &semaphores,
                granted,
                declared.settings,
                secrets,
            ))
            .build()?;
        // The health of the service says so if its store does not answer.
        let _ = admin.ready().await;
        announce(args, &admin)?;
        notify::ready();
        let shutdown = Shutdown::new();
        let ended = server.serve(admin.clone(), shutdown.clone());
        tokio::pin!(ended);
        tokio::select! {
            ended = &mut ended => ended?,
            // The server goes on to answer meanwhile, so that people see what still runs.
            () = async {
                tokio::select! {
                    _ = signals.next() => {}
                    () = notify::keep_saying_that_it_works() => {}
                }
                notify::stopping();
                admin.drain(args.grace).await;
            } => {
                shutdown.ask();
                ended.await?;
            }
        }
        crate::store::close(&semaphores).await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Each client takes a descriptor, and many systems allow a program no more than 1024 unless it asks.
fn allow_many_clients() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // If the system refuses, there can be fewer clients.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// The rules of the folder.
fn rules(
    args: &Args,
    semaphores: &Semaphores,
    granted: &Granted,
    settings: Vec<serde_json::Value>,
    secrets: &Secrets,
) -> Rules {
    let strict = granted.strict;
    let configured = move || {
        let settings = settings.iter().cloned();
        let engine = Engine::builder().strict(strict);
        settings.fold(engine, EngineBuilder::config)
    };
    let engine = configured()
        .workers(args.workers.into())
        .semaphores(semaphores.clone())
        .permissions(granted.permissions.clone())
        .allow_folder(&args.folder)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build();
    let mut limits = Limits::default().memory(args.memory).grace(args.run_grace);
    if let Some(timeout) = args.timeout {
        limits = limits.timeout(timeout);
    }
    let mut rules = Rules::new(engine, &args.folder)
        .limits(limits)
        .secrets(secrets.clone());
    if args.repl {
        let (folder, permissions) = (args.folder.clone(), granted.permissions.clone());
        rules = rules.repl(move |semaphores| {
            configured()
                // There is one engine for each session.
                .workers(1)
                .semaphores(semaphores)
                .permissions(permissions.clone())
                .allow_folder(&folder)
                .with(cla_stdlib::install)
                .with(cla_rulebook::install)
                .build()
        });
    }
    let history = args.history.clone().or_else(|| {
        let folder = args.folder.canonicalize().ok()?;
        let name = format!("runs-{}.db", key(&folder));
        Some(crate::store::state_folder()?.join(name))
    });
    match history {
        Some(file) => rules.history(file),
        None => rules,
    }
}

/// A short text that stands for a path, the same in every version of the program (FNV-1a).
fn key(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Says where it listens, and how to sign in.
fn announce(args: &Args, admin: &Admin) -> io::Result<()> {
    let started = Started {
        address: admin.address(),
        link: admin.sign_in_link(),
        pid: std::process::id(),
    };
    let text = if args.json {
        serde_json::to_string(&started)? + "\n"
    } else {
        format!(
            "listening on {}\nopen this link, once: {}\n",
            started.address, started.link
        )
    };
    crate::out::print(&text)
}
