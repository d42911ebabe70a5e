//! Starting other programs: find one, run one to its end, turn its failure into a sentence.
//!
//! Nothing here ends a process. Whoever starts one keeps its handle and ends that one only.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::Outcome;

/// The first of these programs that `PATH` knows.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| is_program(file)))
}

/// Runs the command to its end; an exit code other than 0 is a failure.
pub fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    check(command, status)
}

/// Runs the command to its end and answers what it printed; its error text is part of the failure.
pub fn output(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|error| cannot_start(command, &error))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{}` failed ({}):\n{}", line(command), output.status, complaint.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The sentence for a command that ended badly.
pub fn check(command: &Command, status: ExitStatus) -> Outcome {
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", line(command))) }
}

/// The sentence for a command that could not be started at all.
pub fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("cannot start `{}`: {error}", line(command))
}

/// The command as a person would type it, with the program's name alone.
pub fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let words = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_the_path_is_found_and_an_invented_one_is_not() {
        assert!(find(&["no-such-program-anywhere", "sh"]).is_some());
        assert!(find(&["no-such-program-anywhere"]).is_none());
    }

    #[test]
    fn a_bad_exit_code_becomes_a_sentence_with_the_command_in_it() {
        let failure = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(failure.contains("sh -c exit 3"), "{failure}");
        let failure = output(Command::new("sh").args(["-c", "echo broken >&2; exit 1"])).unwrap_err();
        assert!(failure.contains("broken"), "{failure}");
    }
}
