//! A Chromium that we launch: its arguments, its pipe, its profile folder, its end. It gets nothing of our environment
//! that it does not need, and ends by itself when we are gone, because its pipe closes.

use std::{
    env, fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use command_fds::{CommandFdExt, FdMapping};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, BufReader},
    net::unix::pipe,
    process::{Child, ChildStderr, Command},
};

use super::{ARGUMENTS_FOR_ALL, Processes, own_folder_name, processes::maker_lives};
use crate::{
    FarmError, FarmSettings, PageSetup,
    cdp::{Connection, over_pipe},
    user::effective_user,
};

/// What it needs of our environment.
const ENVIRONMENT: [&str; 7] =
    ["PATH", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "XDG_DATA_DIRS", "DISPLAY", "LANG"];

/// What only a browser of ours is told.
const ARGUMENTS: [&str; 3] = ["--remote-debugging-pipe", "--no-startup-window", "--password-store=basic"];

/// How much of its last words is kept.
const LAST_WORDS: usize = 2048;
/// How long an ended process may take to be gone.
const END: Duration = Duration::from_secs(10);

/// Numbers the profiles of this process.
static PROFILES: AtomicU64 = AtomicU64::new(0);

/// Browsers that ended, by the process that led them, with their profiles, until nothing of them is left.
#[derive(Clone, Default)]
pub struct Graves {
    list: Arc<Mutex<Vec<(u32, PathBuf)>>>,
}

impl Graves {
    /// Clears away what can be cleared away, and says how many processes and profiles were there.
    pub async fn clear(&self) -> (usize, usize) {
        let dead = self.list.lock().clone();
        let (mut processes, mut profiles) = (0, 0);
        for (pid, profile) in dead {
            processes += Processes::led_by(pid).list().len();
            profiles += usize::from(profile.exists());
            if bury(pid, &profile).await {
                self.list.lock().retain(|(grave, _)| *grave != pid);
            }
        }
        (processes, profiles)
    }

    /// Whether nothing is left of any.
    pub fn are_clear(&self) -> bool {
        self.list.lock().is_empty()
    }
}

/// What is needed to launch one.
pub struct Launch<'a> {
    /// The program.
    pub binary: &'a Path,
    /// Without Chromium's own sandbox.
    pub no_sandbox: bool,
    /// More arguments.
    pub arguments: &'a [String],
    /// Whose language and time it speaks.
    pub page: &'a PageSetup,
    /// Where profiles live, and certificates.
    pub settings: &'a FarmSettings,
    /// Where it is noted when it ends in haste.
    pub graves: &'a Graves,
}

/// One that runs. Dropped, all its processes are killed, and what is left of it is noted among the graves.
pub struct LocalBrowser {
    child: Child,
    pid: u32,
    profile: PathBuf,
    graves: Graves,
    ended: bool,
    last_words: Arc<Mutex<Vec<u8>>>,
}

impl Launch<'_> {
    /// Launches it.
    ///
    /// # Errors
    ///
    /// [`FarmError::BrowserLost`] when it cannot be started.
    pub fn start(&self) -> Result<(Connection, LocalBrowser), FarmError> {
        let number = PROFILES.fetch_add(1, Ordering::Relaxed);
        let profile = self.settings.work_dir.join(format!("{}{number}", own_folder_name()));
        let made = private_folder(&self.settings.work_dir).and_then(|()| private_folder(&profile));
        made.map_err(|error| lost("its profile folder", &error))?;
        let started = self.start_in(&profile);
        started.map_err(|error| {
            let _ = fs::remove_dir_all(&profile);
            lost(&format!("{} does not start", self.binary.display()), &error)
        })
    }

    fn start_in(&self, profile: &Path) -> io::Result<(Connection, LocalBrowser)> {
        let (its_input, our_output) = io::pipe()?;
        let (our_input, its_output) = io::pipe()?;
        let mut command = Command::new(self.binary);
        command
            .args(ARGUMENTS_FOR_ALL)
            .args(ARGUMENTS)
            .args(self.own_arguments(profile))
            .args(self.arguments)
            .env_clear()
            .envs(ENVIRONMENT.iter().filter_map(|name| Some((*name, env::var_os(name)?))))
            .env("HOME", profile)
            .env("TMPDIR", profile)
            .env("TZ", &self.page.time_zone)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mappings = vec![
            FdMapping { parent_fd: OwnedFd::from(its_input), child_fd: 3 },
            FdMapping { parent_fd: OwnedFd::from(its_output), child_fd: 4 },
        ];
        command.as_std_mut().fd_mappings(mappings).map_err(io::Error::other)?;
        let mut child = command.spawn()?;
        // The command holds the browser's ends of the pipes: closed here, the browser's end closes ours.
        drop(command);
        let pid = child.id().ok_or_else(|| io::Error::other("it ended at once"))?;
        let last_words = Arc::new(Mutex::new(Vec::new()));
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(keep_last_words(stderr, last_words.clone()));
        }
        let from = BufReader::with_capacity(64 << 10, pipe::Receiver::from_owned_fd(our_input.into())?);
        let to = pipe::Sender::from_owned_fd(our_output.into())?;
        let connection = over_pipe(from, to, self.settings.command_timeout);
        Ok((
            connection,
            LocalBrowser {
                child,
                pid,
                profile: profile.to_path_buf(),
                graves: self.graves.clone(),
                ended: false,
                last_words,
            },
        ))
    }

    fn own_arguments(&self, profile: &Path) -> Vec<String> {
        let (width, height) = self.page.viewport;
        let mut arguments = vec![
            format!("--user-data-dir={}", profile.display()),
            format!("--window-size={width},{height}"),
            format!("--lang={}", self.page.locale),
            format!("--accept-lang={}", self.page.accept_language),
        ];
        if self.no_sandbox {
            arguments.push("--no-sandbox".to_owned());
        }
        if !self.settings.extra_ca_spki.is_empty() {
            let keys = self.settings.extra_ca_spki.join(",");
            arguments.push(format!("--ignore-certificate-errors-spki-list={keys}"));
        }
        arguments
    }
}

impl LocalBrowser {
    /// Its first process, which leads the group of the others.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until its first process ends, and says how.
    pub async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("its process ended ({status})"),
            Err(error) => format!("its process cannot be watched ({})", error.kind()),
        }
    }

    /// What it said before it failed to start.
    pub async fn why_not(mut self, error: FarmError) -> FarmError {
        let ended = matches!(error, FarmError::BrowserLost { .. });
        let how = if ended { tokio::time::timeout(END, self.ended()).await.ok() } else { None };
        let said =
            String::from_utf8_lossy(&self.last_words.lock()).lines().last().unwrap_or_default().to_owned();
        self.end().await;
        match how {
            Some(how) if said.is_empty() => FarmError::BrowserLost { reason: how },
            Some(how) => FarmError::BrowserLost { reason: format!("{how}: {said}") },
            None => error,
        }
    }

    /// Ends all its processes and removes its profile.
    pub async fn end(mut self) {
        let processes = Processes::led_by(self.pid);
        let _ = tokio::task::spawn_blocking(move || processes.end()).await;
        let _ = tokio::time::timeout(END, self.child.wait()).await;
        self.ended = bury(self.pid, &self.profile).await;
    }
}

impl Drop for LocalBrowser {
    fn drop(&mut self) {
        if !self.ended {
            Processes::led_by(self.pid).end();
            self.graves.list.lock().push((self.pid, self.profile.clone()));
        }
    }
}

/// Ends what is left of a browser whose first process is gone, and removes its profile. Says whether nothing is left.
async fn bury(pid: u32, profile: &Path) -> bool {
    let profile = profile.to_path_buf();
    let buried = tokio::task::spawn_blocking(move || {
        let processes = Processes::led_by(pid);
        for _ in 0..100 {
            if processes.end() == 0 {
                break;
            }
            std::thread::yield_now();
        }
        // A process that is just ending may still write; then the reaper comes back.
        let gone = fs::remove_dir_all(&profile).is_ok() || !profile.exists();
        gone && processes.list().is_empty()
    });
    buried.await.unwrap_or(false)
}

/// Removes the profiles of processes that are not there any more, and says how many.
pub fn clear_dead_profiles(work_dir: &Path) -> usize {
    let Ok(entries) = fs::read_dir(work_dir) else { return 0 };
    let dead = entries.flatten().filter(|entry| !entry.file_name().to_str().is_none_or(maker_lives));
    dead.filter(|entry| fs::remove_dir_all(entry.path()).is_ok()).count()
}

/// A folder that is this user's alone. One that somebody else made in its place is refused: it could be swapped under a browser.
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let about = fs::symlink_metadata(folder)?;
    if about.is_dir() && about.uid() == effective_user()? {
        return Ok(());
    }
    Err(io::Error::other(format!("{} belongs to another user; remove it", folder.display())))
}

async fn keep_last_words(mut stderr: ChildStderr, words: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        let mut words = words.lock();
        words.extend_from_slice(&buffer[..read]);
        let surplus = words.len().saturating_sub(LAST_WORDS);
        words.drain(..surplus);
    }
}

fn lost(what: &str, error: &io::Error) -> FarmError {
    FarmError::BrowserLost { reason: format!("{what}: {error}") }
}
