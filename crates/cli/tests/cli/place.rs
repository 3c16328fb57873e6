//! A directory of its own for a test, in which the binary is run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A training run of a fraction of a second on the smallest application; nothing is calibrated or settled.
pub(crate) const SMALL: [&str; 17] = [
    "train",
    "--env",
    "redis",
    "--goal",
    "cost",
    "--quiet",
    "--set",
    "n_envs=4",
    "--set",
    "ppo.n_steps=16",
    "--set",
    "ppo.batch_size=64",
    "--set",
    "inner.target_percent=[80, 80]",
    "--set",
    "inner.scale_down_secs=60",
    "--run-dir",
];

pub(crate) struct Place {
    dir: TempDir,
}

/// What a run of the binary left.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Names below the directory, files and directories, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut open = vec![self.dir.path().to_owned()];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                names.push(path.strip_prefix(self.dir.path()).unwrap().to_string_lossy().into_owned());
                if path.is_dir() {
                    open.push(path);
                }
            }
        }
        names.sort();
        names
    }

    pub(crate) fn command<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trimtab"));
        command.current_dir(self.dir.path()).args(arguments);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRIMTAB__") {
                command.env_remove(name);
            }
        }
        command
    }

    pub(crate) fn run<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Ended {
        Ended::of(self.command(arguments))
    }

    /// Standard output of a run that has to succeed.
    pub(crate) fn fine<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        ended.stdout
    }

    /// The one sentence of a run that has to fail and to leave every file as it was.
    pub(crate) fn refused<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> String {
        let before = self.contents();
        let sentence = self.run(arguments).refused();
        assert!(self.contents() == before, "files were changed: {sentence}");
        sentence
    }

    fn contents(&self) -> Vec<(String, Option<Vec<u8>>)> {
        self.names().into_iter().map(|name| (name.clone(), fs::read(self.path(&name)).ok())).collect()
    }

    /// Trains a small policy into `dir`.
    pub(crate) fn train(&self, dir: &str, more: &[&str]) -> String {
        self.fine(&[&SMALL[..], &[dir, "--total-timesteps", "640"], more].concat())
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until a file is there.
    pub(crate) fn await_file(&self, name: &str) {
        self.await_content(name, |_| true);
    }

    /// Waits until a file is there and its text is as it should be.
    pub(crate) fn await_content(&self, name: &str, fits: impl Fn(&str) -> bool) {
        let (path, start) = (self.path(name), now());
        while !fs::read_to_string(&path).is_ok_and(|text| fits(&text)) {
            assert!(start.elapsed() < Duration::from_mins(1), "{name} never came");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Reads `stream` until a line has `part` in it.
pub(crate) fn await_line(stream: impl std::io::Read, part: &str) -> impl std::io::Read {
    use std::io::BufRead;
    let (mut lines, mut line) = (std::io::BufReader::new(stream), String::new());
    while !line.contains(part) {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "{part:?} never came");
    }
    lines
}

/// Sends an interrupt, as Ctrl-C does.
pub(crate) fn interrupt(child: &Child) {
    // A shell has `kill` built in; the program of that name is not everywhere.
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

impl Ended {
    pub(crate) fn of(mut command: Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one sentence of a run that has to have failed.
    pub(crate) fn refused(self) -> String {
        let Self { code, stdout, stderr } = self;
        assert_eq!(code, Some(2), "{stdout}{stderr}");
        assert_eq!(stdout, "");
        assert!(stderr.starts_with("error: ") && stderr.trim_end().lines().count() == 1, "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        stderr
    }
}

/// Whether all of `parts` are in `sentence`.
pub(crate) fn tells(sentence: &str, parts: &[&str]) {
    for part in parts {
        assert!(sentence.contains(part), "{part:?} is not in: {sentence}");
    }
}

/// Copies a directory with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a limit on how long a test waits")]
fn now() -> Instant {
    Instant::now()
}
