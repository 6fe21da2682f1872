//! Files that settings name: certificates, secrets, definitions.
//!
//! A relative path means the path as given, else the same path below a data directory (spec:
//! `config.md` 8.2, `api-definitions.md` 1.9). Deliberately absent: writing.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The data directory, below the working directory and beside the executable.
pub const DATA_DIR: &str = "priv";

/// What start-up needs of a file system; tests pass a map.
pub trait Files {
    /// The content of `path`.
    ///
    /// # Errors
    /// It cannot be read, or is longer than `bytes_max`.
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>>;

    /// There is something at `path`, and it is not a directory.
    fn exists(&self, path: &Path) -> bool;

    /// When the content of `path` was last changed, in milliseconds since the epoch; `None` if the
    /// system does not tell, or tells a time before the epoch.
    fn modified(&self, path: &Path) -> Option<u64>;

    /// Where relative paths are looked for after the working directory, in order.
    fn data_dirs(&self) -> Vec<PathBuf>;
}

/// The file system.
#[derive(Debug, Clone, Copy)]
pub struct Disk;

/// Files that exist only in a test: path to content.
pub type Drawer = BTreeMap<PathBuf, Vec<u8>>;

// === impl Files ===

impl Files for Disk {
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        // One byte more than allowed tells a file that is too long from one that just fits, and
        // devices without an end are not read for ever.
        File::open(path)?
            .take(bytes_max.saturating_add(1))
            .read_to_end(&mut content)?;
        within(content, bytes_max)
    }

    fn exists(&self, path: &Path) -> bool {
        path.metadata().is_ok_and(|metadata| !metadata.is_dir())
    }

    fn modified(&self, path: &Path) -> Option<u64> {
        let modified = path.metadata().ok()?.modified().ok()?;
        let since_epoch = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        u64::try_from(since_epoch.as_millis()).ok()
    }

    fn data_dirs(&self) -> Vec<PathBuf> {
        let executable = std::env::current_exe().ok();
        let beside = executable.as_deref().and_then(Path::parent);
        std::iter::once(PathBuf::from(DATA_DIR))
            .chain(beside.map(|directory| directory.join(DATA_DIR)))
            .collect()
    }
}

impl Files for Drawer {
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let content = self.get(path).ok_or(io::ErrorKind::NotFound)?;
        within(content.clone(), bytes_max)
    }

    fn exists(&self, path: &Path) -> bool {
        self.contains_key(path)
    }

    fn modified(&self, _path: &Path) -> Option<u64> {
        None
    }

    fn data_dirs(&self) -> Vec<PathBuf> {
        vec![PathBuf::from(DATA_DIR)]
    }
}

/// Where `path` is looked for: as given, then, if it is relative, below the data directories.
pub fn places(files: &dyn Files, path: &str) -> Vec<PathBuf> {
    let given = PathBuf::from(path);
    if given.is_absolute() {
        return vec![given];
    }
    let below = files
        .data_dirs()
        .into_iter()
        .map(|directory| directory.join(&given));
    std::iter::once(given.clone()).chain(below).collect()
}

/// The first of the [`places`] where there is a file.
///
/// # Errors
/// There is none; the text names all places.
pub fn find(files: &dyn Files, path: &str) -> Result<PathBuf, String> {
    let places = places(files, path);
    match places.iter().find(|place| files.exists(place)) {
        Some(place) => Ok(place.clone()),
        None => {
            let places: Vec<String> = places.iter().map(|place| format!("{place:?}")).collect();
            Err(format!("there is no file {}", places.join(" or ")))
        }
    }
}

fn within(content: Vec<u8>, bytes_max: u64) -> io::Result<Vec<u8>> {
    if u64::try_from(content.len()).is_ok_and(|length| length <= bytes_max) {
        Ok(content)
    } else {
        Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("the file is longer than {bytes_max} bytes"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        time::{Duration, SystemTime},
    };

    use super::{Disk, Drawer, Files, find, places};

    #[test]
    fn the_path_as_given_wins_over_the_data_directory() {
        let both = Drawer::from([
            ("a.pem".into(), Vec::new()),
            ("priv/a.pem".into(), Vec::new()),
        ]);
        assert_eq!(find(&both, "a.pem"), Ok(PathBuf::from("a.pem")));
        let below = Drawer::from([("priv/a.pem".into(), Vec::new())]);
        assert_eq!(find(&below, "a.pem"), Ok(PathBuf::from("priv/a.pem")));
    }

    #[test]
    fn a_missing_file_is_reported_with_every_place() {
        assert_eq!(
            find(&Drawer::new(), "a.pem"),
            Err("there is no file \"a.pem\" or \"priv/a.pem\"".to_owned())
        );
    }

    #[test]
    fn an_absolute_path_is_looked_for_nowhere_else() {
        assert_eq!(
            places(&Drawer::new(), "/etc/a.pem"),
            [PathBuf::from("/etc/a.pem")]
        );
    }

    #[test]
    fn a_file_longer_than_allowed_is_not_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        std::fs::write(&path, "12345").expect("written");
        assert_eq!(Disk.read(&path, 5).expect("fits"), b"12345");
        assert!(Disk.read(&path, 4).is_err());
        assert!(Disk.read(Path::new("/dev/zero"), 1024).is_err());
    }

    #[test]
    fn the_time_of_the_last_change_is_told_in_milliseconds() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let file = std::fs::File::create(&path).expect("created");
        let at = |time| file.set_modified(time).map(|()| Disk.modified(&path));
        let epoch = SystemTime::UNIX_EPOCH;
        let later = epoch + Duration::from_millis(1_700_000_000_123);
        assert_eq!(at(later).expect("set"), Some(1_700_000_000_123));
        let before = epoch - Duration::from_secs(1);
        assert_eq!(at(before).expect("set"), None);
        assert_eq!(Disk.modified(&directory.path().join("missing")), None);
    }

    #[test]
    fn a_directory_is_not_a_file() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(!Disk.exists(directory.path()));
    }

    #[test]
    fn the_data_directory_of_the_working_directory_comes_first() {
        assert_eq!(Disk.data_dirs().first(), Some(&PathBuf::from("priv")));
    }
}
