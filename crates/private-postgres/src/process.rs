//! The server as a process: bound to the life of ours, and signalled without any unsafe code.

use crate::account::{Account, command, run};
use crate::error::{Context, Error};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// A running (or just ended) server. Dropping it tells the server to stop.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    exit: watch::Receiver<Option<String>>,
}

/// A command for `program` that receives `signal` when the thread that spawned it ends, together
/// with whether that is so: it needs Linux and the program `setpriv`.
pub(crate) fn bound_command(
    program: &Path,
    account: Option<Account>,
    signal: &str,
) -> (Command, bool) {
    let probe = run(command("setpriv", None).args(["--pdeathsig", signal, "--", "true"]));
    if !probe.is_ok_and(|output| output.status.success()) {
        return (command(program, account), false);
    }
    // The kernel forgets the death signal when a process changes its identity. Here `setpriv`
    // itself already runs as the account, so nothing changes after it has asked for the signal.
    let mut bound: Command = command("setpriv", account);
    bound.args(["--pdeathsig", signal, "--"]).arg(program);
    (bound, true)
}

impl Process {
    /// Starts the server from a thread of its own that waits for its end.
    ///
    /// The death signal belongs to the *thread* that spawned the process, so that thread has to
    /// live exactly as long as the server, whatever becomes of the caller's runtime. With `bound`
    /// false, a shell that waits for the end of a pipe of ours takes the signal's place.
    pub(crate) async fn spawn(mut server: Command, bound: bool) -> Result<Self, Error> {
        // A Ctrl-C in the terminal is for us: we finish our requests first, then stop the server.
        server.process_group(0);
        let (started_sender, started) = oneshot::channel::<Result<Self, Error>>();
        std::thread::Builder::new()
            .name("private-postgres".to_owned())
            .spawn(move || {
                let mut child: Child =
                    match server.spawn().context(|| "starting postgres".to_owned()) {
                        Ok(child) => child,
                        Err(error) => {
                            let _nobody_waits = started_sender.send(Err(error));
                            return;
                        }
                    };
                let pid: u32 = child.id();
                let watchdog: Option<(Child, Option<ChildStdin>)> =
                    if bound { None } else { watchdog(pid) };
                let (exit_sender, exit) = watch::channel(None);
                // When nobody waits any more, this drops the process and thereby stops it.
                let _nobody_waits = started_sender.send(Ok(Self { pid, exit }));
                let status: String = child.wait().map_or_else(
                    |error: std::io::Error| error.to_string(),
                    |status: ExitStatus| status.to_string(),
                );
                exit_sender.send_replace(Some(status));
                if let Some((mut shell, _pipe)) = watchdog {
                    // It must be gone before the pipe closes: the process id may be another's now.
                    let _already_gone = shell.kill();
                    let _already_gone = shell.wait();
                }
            })
            .context(|| "starting a thread".to_owned())?;
        started.await.unwrap_or(Err(Error::Interrupted))
    }

    /// How the process ended; `None` while it runs.
    pub(crate) fn ended(&self) -> Option<String> {
        self.exit.borrow().clone()
    }

    /// Tells the server to end its sessions, write everything and stop, and waits for it.
    pub(crate) async fn stop(&mut self, limit: Duration) -> Result<(), Error> {
        if self.ended().is_none() {
            signal("INT", &[self.pid])?;
        }
        self.wait(limit).await
    }

    /// Kills the server and all its sessions as a power failure would, and waits for their end.
    pub(crate) async fn kill(&mut self, limit: Duration) -> Result<(), Error> {
        if self.ended().is_some() {
            return Ok(());
        }
        // Stopped first, it cannot start another session while its children are being listed.
        signal("STOP", &[self.pid])?;
        let mut pids: Vec<u32> = children(self.pid)?;
        pids.push(self.pid);
        signal("KILL", &pids)?;
        self.wait(limit).await?;
        let deadline: Instant = Instant::now() + limit;
        while let Some(pid) = pids.iter().copied().find(|pid: &u32| is_alive(*pid)) {
            pause(deadline, pid, limit).await?;
        }
        Ok(())
    }

    async fn wait(&mut self, limit: Duration) -> Result<(), Error> {
        let ended = self
            .exit
            .wait_for(|status: &Option<String>| status.is_some());
        match tokio::time::timeout(limit, ended).await {
            // The sender only goes away after it has reported the end.
            Ok(_) => Ok(()),
            Err(_elapsed) => Err(Error::StillRunning {
                pid: self.pid,
                seconds: limit.as_secs(),
            }),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none()
            && let Err(error) = signal("INT", &[self.pid])
        {
            tracing::warn!(%error, pid = self.pid, "the private PostgreSQL could not be stopped");
        }
    }
}

/// A shell that stops the server when the pipe to it closes, as it does however we end.
fn watchdog(pid: u32) -> Option<(Child, Option<ChildStdin>)> {
    let spawned: std::io::Result<Child> = command("sh", None)
        .args(["-c", "read -r _; kill -s INT \"$0\"", &pid.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    match spawned {
        Ok(mut shell) => {
            let pipe: Option<ChildStdin> = shell.stdin.take();
            Some((shell, pipe))
        }
        Err(error) => {
            tracing::warn!(%error, "the private PostgreSQL will outlive a killed parent");
            None
        }
    }
}

/// Waits a moment, or fails when `deadline` has passed and `pid` still runs.
async fn pause(deadline: Instant, pid: u32, limit: Duration) -> Result<(), Error> {
    if Instant::now() >= deadline {
        return Err(Error::StillRunning {
            pid,
            seconds: limit.as_secs(),
        });
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(())
}

/// Sends a signal. The shell's own `kill` is used because small containers have no other. A process
/// that has ended in the meantime is no error.
fn signal(name: &str, pids: &[u32]) -> Result<(), Error> {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    run(command("sh", None)
        .args(["-c", "kill -s \"$0\" \"$@\"", name])
        .args(pids))
    .map(drop)
}

/// Waits until the server that an earlier process left behind on `data_dir` has ended.
///
/// The caller holds the lock on the state directory, so whoever started that server is gone and it
/// has been, or is about to be, told to stop. Adopting it would be a race against that signal.
pub(crate) async fn end_earlier(data_dir: &Path, limit: Duration) -> Result<(), Error> {
    let pid_file = data_dir.join("postmaster.pid");
    let Some(pid) = recorded_pid(&pid_file) else {
        return Ok(());
    };
    if is_server_of(pid, data_dir) {
        tracing::info!(pid, "waiting for the PostgreSQL of an earlier run to stop");
        signal("INT", &[pid])?;
        let deadline: Instant = Instant::now() + limit;
        while is_server_of(pid, data_dir) {
            pause(deadline, pid, limit).await?;
        }
    }
    // PostgreSQL takes any live process with the recorded number for a server on its data, which
    // after a reboot is somebody else's. Otherwise the file stays: it names the old shared memory.
    if recorded_pid(&pid_file) == Some(pid) && exists(pid) {
        std::fs::remove_file(&pid_file).context(|| format!("removing {}", pid_file.display()))?;
    }
    Ok(())
}

fn recorded_pid(pid_file: &Path) -> Option<u32> {
    std::fs::read_to_string(pid_file)
        .ok()?
        .lines()
        .next()?
        .trim()
        .parse()
        .ok()
}

/// Whether the process was started on this data directory, by its command line.
fn is_server_of(pid: u32, data_dir: &Path) -> bool {
    let wanted = data_dir.to_string_lossy();
    if has_proc() {
        let line: Vec<u8> = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        return line
            .split(|byte: &u8| *byte == 0)
            .any(|part: &[u8]| part == wanted.as_bytes());
    }
    let pid: String = pid.to_string();
    run(command("ps", None).args(["-o", "command=", "-p", &pid]))
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(wanted.as_ref()))
}

fn has_proc() -> bool {
    Path::new("/proc/self/stat").exists()
}

/// Whether the number is taken, be it by a process that has ended but was not collected yet.
fn exists(pid: u32) -> bool {
    let pid: String = pid.to_string();
    run(command("sh", None).args(["-c", "kill -s 0 \"$0\"", &pid]))
        .is_ok_and(|output| output.status.success())
}

/// Whether the process still executes: one that has ended but was not collected does not.
fn is_alive(pid: u32) -> bool {
    if !has_proc() {
        return exists(pid);
    }
    stat(pid).is_some_and(|(state, _)| state != "Z" && state != "X")
}

/// State and parent of a process from `/proc`.
fn stat(pid: u32) -> Option<(String, u32)> {
    let line: String = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in parentheses and may itself contain some.
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

fn children(parent: u32) -> Result<Vec<u32>, Error> {
    if has_proc() {
        let entries = std::fs::read_dir("/proc").context(|| "reading /proc".to_owned())?;
        return Ok(entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .filter(|pid: &u32| stat(*pid).is_some_and(|(_, of)| of == parent))
            .collect());
    }
    let output = run(command("ps", None).args(["-A", "-o", "pid=", "-o", "ppid="]))?;
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line: &str| {
            let mut fields = line.split_whitespace();
            let pid: u32 = fields.next()?.parse().ok()?;
            (fields.next()?.parse::<u32>().ok()? == parent).then_some(pid)
        })
        .collect())
}
