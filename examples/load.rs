//! How much the engine disturbs its host: the service of `service.rs` under load, beside a ticker of the host.
//!
//! ```console
//! $ cargo run --release -p cla-examples --example load
//! ```
//!
//! It prints three things, and judges none of them, since other programs share the machine:
//!
//! - How late a ticker of 1 ms is on the host's own thread, alone; while 200 requests share two slots of a semaphore of
//!   tokio's; and while as many runs share two slots of ours.
//! - How long it takes until the places of 52 clients that hang up are free.
//! - How much memory the process has before, during and after each round.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use cla_runtime::Engine;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

#[path = "service.rs"]
#[allow(dead_code)] // Its `main` is another program's.
mod service;

const REQUESTS: usize = 200;
const CLIENTS: usize = 52;
const ROUNDS: usize = 5;
const SLOTS: usize = 2;

/// How long each request holds its slot.
const WORK: Duration = Duration::from_millis(5);

/// How often the ticker is due.
const TICK: Duration = Duration::from_millis(1);

type Outcome<T> = std::io::Result<T>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let engine = service::printing_engine();
    let ours = serve(service::routes(engine.clone())).await?;
    let theirs = serve(without_us()).await?;

    println!("lateness of a ticker of {TICK:?}    ticks     p50     p99     max");
    let (_, alone) = beside_ticker(tokio::time::sleep(Duration::from_secs(1))).await;
    show("alone", &alone);
    // What is made at first use is no disturbance of each request.
    crowd(ours, 10).await?;
    for _ in 0..ROUNDS {
        let (done, late) = beside_ticker(crowd(theirs, REQUESTS)).await;
        done?;
        show("tokio's semaphore, no rules", &late);
        let (done, late) = beside_ticker(crowd(ours, REQUESTS)).await;
        done?;
        show("rules", &late);
    }

    println!("\n{CLIENTS} clients hang up");
    for _ in 0..ROUNDS {
        let freed = hang_up(&engine, ours).await?;
        println!("  all places are free after {freed:.1?}");
    }

    println!("\nmemory, in MiB             before    with {REQUESTS} runs    after");
    for _ in 0..ROUNDS {
        let before = resident();
        let (stop, stopped) = watch::channel(());
        let held = wait_in_line(ours, REQUESTS, stopped);
        let during = async {
            until(&engine, |busy, waiting| busy + waiting == REQUESTS).await;
            let during = resident();
            drop(stop);
            during
        };
        let (held, during) = tokio::join!(held, during);
        held?;
        until(&engine, |busy, waiting| busy + waiting == 0).await;
        engine.idle().await;
        let shown = |size: Option<f64>| size.map_or("?".to_owned(), |size| format!("{size:.1}"));
        println!(
            "  {:>30} {:>16} {:>8}",
            shown(before),
            shown(during),
            shown(resident())
        );
    }
    Ok(())
}

/// Serves on this thread, and says where.
async fn serve(routes: Router) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(axum::serve(listener, routes).into_future());
    Ok(address)
}

/// What the service would be without rules.
fn without_us() -> Router {
    let slots = Arc::new(Semaphore::new(SLOTS));
    let print = move || async move {
        let slot = slots.acquire().await;
        tokio::time::sleep(WORK).await;
        drop(slot);
        "{}"
    };
    Router::new().route("/print", post(print))
}

/// How late each tick was, sorted.
type Lateness = Vec<Duration>;

/// Does `work`, with a ticker on the same thread.
async fn beside_ticker<T>(work: impl Future<Output = T>) -> (T, Lateness) {
    let (stop, stopped) = watch::channel(());
    let ticker = tokio::spawn(async move {
        let mut late = Vec::new();
        let mut due = tokio::time::Instant::now() + TICK;
        while stopped.has_changed().is_ok() {
            tokio::time::sleep_until(due).await;
            late.push(due.elapsed());
            due = tokio::time::Instant::now() + TICK;
        }
        late.sort();
        late
    });
    let done = work.await;
    drop(stop);
    (done, ticker.await.unwrap_or_default())
}

fn show(what: &str, late: &[Duration]) {
    let at = |part: f64| late[((late.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    println!(
        "  {what:<28} {:>8} {:>5.1} ms {:>4.1} ms {:>4.1} ms",
        late.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn request(seconds: f64) -> String {
    let body = format!("{{\"document\": \"a.pdf\", \"seconds\": {seconds}}}");
    let length = body.len();
    format!(
        "POST /print HTTP/1.1\r\nhost: load\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// So many clients, which wait for their answers. They are on a thread of their own, as they would be on another machine.
async fn crowd(address: SocketAddr, clients: usize) -> Outcome<()> {
    let request = request(WORK.as_secs_f64());
    on_thread(move || async move {
        let clients: Vec<_> = (0..clients)
            .map(|_| {
                let request = request.clone();
                tokio::spawn(async move {
                    let mut client = TcpStream::connect(address).await?;
                    client.write_all(request.as_bytes()).await?;
                    let mut answer = String::new();
                    client.read_to_string(&mut answer).await?;
                    match answer.starts_with("HTTP/1.1 200") {
                        true => Ok(()),
                        false => Err(std::io::Error::other(answer)),
                    }
                })
            })
            .collect();
        for client in clients {
            client.await??;
        }
        Ok(())
    })
    .await
}

/// So many clients, which hang up together when they are stopped.
async fn wait_in_line(
    address: SocketAddr,
    clients: usize,
    mut stopped: watch::Receiver<()>,
) -> Outcome<()> {
    let request = request(3600.0);
    let mut held = Vec::new();
    for _ in 0..clients {
        let mut client = TcpStream::connect(address).await?;
        client.write_all(request.as_bytes()).await?;
        held.push(client);
    }
    // It ends with an error when the sender is dropped, which is what is waited for.
    let _ = stopped.changed().await;
    Ok(())
}

/// How long it takes until the places of clients that hang up are free.
async fn hang_up(engine: &Engine, address: SocketAddr) -> Outcome<Duration> {
    let (stop, stopped) = watch::channel(());
    let clients = tokio::spawn(wait_in_line(address, CLIENTS, stopped));
    until(engine, |busy, waiting| {
        busy == SLOTS && busy + waiting == CLIENTS
    })
    .await;
    drop(stop);
    clients.await??;
    let started = Instant::now();
    until(engine, |busy, waiting| busy + waiting == 0).await;
    Ok(started.elapsed())
}

/// Waits until this holds of how many are busy and how many wait.
async fn until(engine: &Engine, is_wanted: impl Fn(usize, usize) -> bool) {
    loop {
        let all = engine.semaphores().list().await.unwrap_or_default();
        let printer = all.iter().find(|view| view.name.as_str() == "printer");
        let (busy, waiting) = printer.map_or((0, 0), |view| (view.busy, view.waiting));
        if is_wanted(busy, waiting) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Does `work` on a thread of its own.
async fn on_thread<F>(work: impl FnOnce() -> F + Send + 'static) -> Outcome<()>
where
    F: Future<Output = Outcome<()>>,
{
    let (done, is_done) = tokio::sync::oneshot::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let outcome = runtime.and_then(|runtime| runtime.block_on(work()));
        // It is waited for, unless the program ends.
        let _ = done.send(outcome);
    });
    is_done.await.map_err(std::io::Error::other)?
}

/// The resident memory of this process, in MiB, where the system tells it in a file.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}
