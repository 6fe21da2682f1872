//! The secret that the local nodes of one user share: a private file, made by whoever comes first.
//!
//! `rig/local-cookie` below `XDG_RUNTIME_DIR`, `XDG_CACHE_HOME` or `~/.cache`
//! (<https://specifications.freedesktop.org/basedir-spec/latest/>): another user can neither read nor
//! replace it. Deliberately absent: secrets between machines, and repairing permissions, for nobody
//! knows who read the file meanwhile.

use std::{
    fmt::Write as _,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustls::crypto::ring;

use crate::{
    config::{secret::Secret, vars::Vars},
    p2p::config::SECRET_BYTES_MIN,
};

const DIRECTORY: &str = "rig";
const FILE: &str = "local-cookie";

/// Random bytes of a secret: as many as the key it becomes has. Written in hex.
const RANDOM_BYTES: usize = 32;

/// Longest secret that is read; a hand-made one may be longer than ours.
const BYTES_MAX: u64 = 1024;

/// What others may not do with the file: anything.
const OTHERS: u32 = 0o077;

/// What others may not do with its directory: write, for they could put another file there.
const OTHERS_WRITE: u32 = 0o022;

/// Why there is no shared secret. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CookieFault {
    /// No variable names a directory that exists.
    #[error(
        "there is no place for the secret that local nodes share: set NODE_COOKIE, or HOME or \
         XDG_RUNTIME_DIR to a directory"
    )]
    Nowhere,
    /// The system says no.
    #[error("the secret that local nodes share cannot be kept in {place:?}: {reason}")]
    Unusable {
        /// File or directory.
        place: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// Somebody else may have read or written it.
    #[error(
        "{0:?} holds the secret that local nodes share, but it is not yours alone: remove it and \
         start all local nodes again"
    )]
    NotPrivate(PathBuf),
    /// It was changed by hand.
    #[error(
        "{0:?} holds no secret of at least {SECRET_BYTES_MIN} bytes: remove it and start all local \
         nodes again"
    )]
    Faulty(PathBuf),
}

/// The secret of this user's local nodes; makes it if there is none.
///
/// # Errors
/// [`CookieFault`].
pub fn cookie(environment: &dyn Vars) -> Result<Secret, CookieFault> {
    let directory = base(environment)
        .ok_or(CookieFault::Nowhere)?
        .join(DIRECTORY);
    let place = directory.join(FILE);
    let unusable = |place: &Path| {
        let place = place.to_owned();
        move |reason| CookieFault::Unusable { place, reason }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .map_err(unusable(&directory))?;
    // Owned by whom we run as, which is otherwise not to be learnt without unsafe code.
    let owner = offer(&directory, &place).map_err(unusable(&place))?;
    let directory_data = directory.metadata().map_err(unusable(&directory))?;
    if directory_data.mode() & OTHERS_WRITE != 0 || directory_data.uid() != owner {
        return Err(CookieFault::NotPrivate(directory));
    }
    let file = File::open(&place).map_err(unusable(&place))?;
    // Of the open file, so that what is checked is what is read.
    let data = file.metadata().map_err(unusable(&place))?;
    if !data.is_file() || data.mode() & OTHERS != 0 || data.uid() != owner {
        return Err(CookieFault::NotPrivate(place));
    }
    let mut text = String::new();
    match file.take(BYTES_MAX).read_to_string(&mut text) {
        Ok(_) if text.trim().len() >= SECRET_BYTES_MIN => Ok(Secret::new(text.trim())),
        Ok(_) => Err(CookieFault::Faulty(place)),
        Err(reason) => Err(unusable(&place)(reason)),
    }
}

/// The first directory there is. One that does not exist is passed over: `su` and containers leave
/// `XDG_RUNTIME_DIR` behind without the directory.
fn base(environment: &dyn Vars) -> Option<PathBuf> {
    let directory = |variable| {
        let path = PathBuf::from(environment.get(variable)?);
        (path.is_absolute() && path.is_dir()).then_some(path)
    };
    directory("XDG_RUNTIME_DIR")
        .or_else(|| directory("XDG_CACHE_HOME"))
        .or_else(|| directory("HOME").map(|home| home.join(".cache")))
}

/// Puts a new secret at `place` unless there is one, and tells who owns what this process makes. Whole
/// under another name first and then linked: a link is made only where there is nothing, and nobody
/// ever sees half a secret, however many nodes start at once.
fn offer(directory: &Path, place: &Path) -> io::Result<u32> {
    let draft = directory.join(format!("{FILE}.{:016x}", fastrand::u64(..)));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    let owner = random()
        .and_then(|secret| file.write_all(secret.as_bytes()))
        .and_then(|()| match fs::hard_link(&draft, place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => file.metadata(),
        })
        .map(|data| data.uid());
    fs::remove_file(&draft)?;
    owner
}

fn random() -> io::Result<String> {
    let mut bytes = [0; RANDOM_BYTES];
    ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _},
        path::Path,
        thread,
    };

    use tempfile::{TempDir, tempdir};

    use super::{CookieFault, cookie};
    use crate::config::vars::Flags;

    /// A home, and the environment that names it.
    fn home() -> (TempDir, Flags) {
        let home = tempdir().expect("a directory");
        let path = home.path().display().to_string();
        (home, Flags::from([("HOME".to_owned(), path)]))
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
    }

    #[test]
    fn the_first_node_makes_a_private_secret_and_the_others_read_it() {
        let (home, environment) = home();
        let first = cookie(&environment).expect("a secret");
        assert_eq!(first.expose().len(), 64);
        assert!(first.expose().bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(cookie(&environment).ok(), Some(first));
        let directory = home.path().join(".cache/rig");
        assert_eq!(directory.metadata().expect("it").mode() & 0o777, 0o700);
        let entries: Vec<_> = fs::read_dir(&directory)
            .expect("it")
            .map(|entry| entry.expect("an entry"))
            .collect();
        assert_eq!(entries.len(), 1, "no draft is left: {entries:?}");
        assert_eq!(entries[0].file_name(), "local-cookie");
        assert_eq!(entries[0].metadata().expect("it").mode() & 0o777, 0o600);
    }

    #[test]
    fn nodes_that_start_at_once_agree() {
        let (_home, environment) = home();
        let secrets: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..9)
                .map(|_| scope.spawn(|| cookie(&environment).expect("a secret")))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    }

    #[test]
    fn every_user_has_a_secret_of_his_own() {
        let ((_a, one), (_b, other)) = (home(), home());
        assert_ne!(cookie(&one).expect("one"), cookie(&other).expect("one"));
    }

    #[test]
    fn a_secret_others_could_read_or_replace_is_not_used() {
        let (home, environment) = home();
        cookie(&environment).expect("a secret");
        let directory = home.path().join(".cache/rig");
        let file = directory.join("local-cookie");
        for (path, mode) in [
            (&file, 0o640),
            (&file, 0o604),
            (&file, 0o622),
            (&directory, 0o720),
            (&directory, 0o777),
        ] {
            let before = path.metadata().expect("it").mode();
            allow(path, mode);
            let fault = cookie(&environment).expect_err("a fault");
            assert!(
                matches!(&fault, CookieFault::NotPrivate(place) if place == path),
                "{mode:o}: {fault}"
            );
            assert!(fault.to_string().contains("remove it"), "{fault}");
            allow(path, before);
        }
        assert!(cookie(&environment).is_ok());
    }

    #[test]
    fn a_file_without_a_secret_is_a_fault_and_stays() {
        let (home, environment) = home();
        cookie(&environment).expect("a secret");
        let file = home.path().join(".cache/rig/local-cookie");
        for content in ["", "short\n", "               \n"] {
            fs::write(&file, content).expect("written");
            assert!(matches!(cookie(&environment), Err(CookieFault::Faulty(_))));
            assert_eq!(fs::read_to_string(&file).expect("it"), content);
        }
        fs::write(&file, "made by hand, long enough\n").expect("written");
        let secret = cookie(&environment).expect("a secret");
        assert_eq!(secret.expose(), "made by hand, long enough");
    }

    #[test]
    fn the_directory_of_the_session_wins_if_it_is_there() {
        let ((home, mut environment), (session, _)) = (home(), home());
        let set = |environment: &mut Flags, path: &Path| {
            environment.insert("XDG_RUNTIME_DIR".to_owned(), path.display().to_string());
        };
        set(&mut environment, &session.path().join("missing"));
        cookie(&environment).expect("a secret");
        assert!(home.path().join(".cache/rig/local-cookie").exists());
        set(&mut environment, session.path());
        cookie(&environment).expect("a secret");
        assert!(session.path().join("rig/local-cookie").exists());
    }

    #[test]
    fn without_a_home_there_is_a_sentence() {
        for environment in [
            Flags::new(),
            Flags::from([("HOME".to_owned(), "relative".to_owned())]),
            Flags::from([("HOME".to_owned(), "/no/such/home".to_owned())]),
        ] {
            let fault = cookie(&environment).expect_err("a fault");
            assert!(fault.to_string().contains("set NODE_COOKIE"), "{fault}");
        }
    }
}
