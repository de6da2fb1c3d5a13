//! Semaphores on a Redis server, and what they are measured against: the server's own round trips, and npm's
//! `redis-semaphore`. Each measurement has a server of its own.

use std::path::Path;
use std::process::Command;
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cla_semaphore::{Permit, Semaphore, SemaphoreName, Semaphores};
use cla_tests::redis::Server;
use serde_json::Value;

use crate::sample::Effort;

/// The program that measures `redis-semaphore`.
const NODE_PROGRAM: &str = "xtask/bench/node/redis.js";

/// How many clients want one slot.
const CLIENTS: usize = 64;

/// A free slot, taken and given back; that is not waited for.
pub(crate) fn take(effort: Effort) -> Result<f64> {
    let server = Server::start();
    let handle = handle(&server)?;
    let times = effort.times(4_000);
    runtime()?.block_on(async {
        // Until the scripts are loaded and the connection stands.
        drop(handle.acquire().await?);
        anyhow::Ok(())
    })?;
    let runtime = runtime()?;
    effort.nanoseconds(times, || {
        runtime.block_on(async {
            for _ in 0..times {
                drop(handle.acquire().await?);
            }
            Ok(())
        })
    })
}

/// Two scripts that do nothing, each waited for.
pub(crate) fn two_scripts(effort: Effort) -> Result<f64> {
    let server = Server::start();
    let runtime = runtime()?;
    let client = redis::Client::open(format!("{}/?protocol=resp3", server.url()))?;
    let (mut connection, script) = runtime.block_on(async {
        let mut connection = client.get_multiplexed_async_connection().await?;
        let script: String = redis::cmd("SCRIPT")
            .arg(&["LOAD", "return 1"])
            .query_async(&mut connection)
            .await?;
        anyhow::Ok((connection, script))
    })?;
    let times = effort.times(4_000);
    effort.nanoseconds(times, || {
        runtime.block_on(async {
            for _ in 0..2 * times {
                let one: i64 = redis::cmd("EVALSHA")
                    .arg(&script)
                    .arg(1)
                    .arg("key")
                    .query_async(&mut connection)
                    .await?;
                ensure!(one == 1);
            }
            Ok(())
        })
    })
}

/// From the release at one client to the permit at another that waits: the median, in nanoseconds.
pub(crate) fn hand_over(effort: Effort) -> Result<f64> {
    let server = Server::start();
    let watching = Semaphores::connect(&server.url())?;
    let clients = [handle(&server)?, handle(&server)?];
    let turns = effort.times(1_000) as usize;
    runtime()?.block_on(async {
        let mut held = clients[0].acquire().await?;
        let mut times = Vec::with_capacity(turns);
        for turn in 1..=turns {
            let next = join(&clients[turn % 2], &watching).await?;
            let released = Instant::now();
            drop(held);
            held = next.await?;
            times.push(released.elapsed());
        }
        times.sort_unstable();
        Ok(times[turns / 2].as_nanos() as f64)
    })
}

/// A request that stands in line.
async fn join(
    client: &Semaphore,
    watching: &Semaphores,
) -> Result<impl Future<Output = Result<Permit, cla_semaphore::AcquireError>>> {
    let mut request = Box::pin(client.acquire());
    // Its first poll sends it.
    std::future::poll_fn(|cx| {
        let polled = request.as_mut().poll(cx);
        assert!(polled.is_pending(), "another request holds the slot");
        Poll::Ready(())
    })
    .await;
    while watching
        .show(client.name())
        .await?
        .is_none_or(|view| view.waiting == 0)
    {}
    Ok(request)
}

/// How often a second one slot goes from hand to hand between 64 clients, each with a connection of its own.
pub(crate) fn crowd(effort: Effort) -> Result<f64> {
    let server = Server::start();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| handle(&server))
        .collect::<Result<_>>()?;
    let time = Duration::from_secs(if effort.quick { 1 } else { 3 });
    runtime()?.block_on(async {
        for client in &clients {
            drop(client.acquire().await?);
        }
        let started = Instant::now();
        let tasks: Vec<_> = clients
            .into_iter()
            .map(|client| {
                tokio::spawn(async move {
                    let mut taken = 0_u32;
                    while started.elapsed() < time {
                        drop(client.acquire().await?);
                        taken += 1;
                    }
                    anyhow::Ok(taken)
                })
            })
            .collect();
        let mut all = 0;
        for task in tasks {
            all += task.await??;
        }
        Ok(f64::from(all) / started.elapsed().as_secs_f64())
    })
}

/// What `redis-semaphore` needs for the same, on a server of its own.
pub(crate) fn node(measurement: &str, effort: Effort) -> Result<f64> {
    let server = Server::start();
    ensure!(
        Path::new(NODE_PROGRAM).exists(),
        "{NODE_PROGRAM} is not below the current folder"
    );
    let mut command = Command::new("node");
    command
        .arg(NODE_PROGRAM)
        .arg(measurement)
        .arg(server.port().to_string());
    if effort.quick {
        command.arg("--quick");
    }
    let output = command.output().context("node does not start")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let printed: Value = serde_json::from_slice(&output.stdout)?;
    printed["value"].as_f64().context("it printed no `value`")
}

fn handle(server: &Server) -> Result<Semaphore> {
    let semaphores = Semaphores::connect(&server.url())?;
    Ok(semaphores.semaphore(&SemaphoreName::new("slot")?))
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
