//! The paths of the matching benchmark come to the same, and to what the flow's own book says.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A small flow, made by `bench/workload.py`, in a folder that is gone with it.
struct Flow(PathBuf);

impl Flow {
    fn made(profile: &str, of: &str) -> Self {
        let folder = std::env::temp_dir()
            .join(format!("touchline-bench-{of}-{profile}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workload.py");
        let flow = Self(folder);
        let done = Command::new("python3")
            .args([script.as_os_str(), flow.file().as_os_str()])
            .args(["--profile", profile, "--seed", "7", "--actions", "20000", "--live", "1000"])
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        flow
    }

    fn file(&self) -> PathBuf {
        self.0.join("flow")
    }

    fn facts(&self) -> PathBuf {
        self.0.join("flow.json")
    }

    /// What a path tells of the flow, or its complaint.
    fn played(&self, path: &str, options: &[&str]) -> Result<serde_json::Value, String> {
        let done = Command::new(env!("CARGO_BIN_EXE_touchline-bench"))
            .arg(path)
            .arg(self.file())
            .args(options)
            .output()
            .unwrap();
        if done.status.success() {
            Ok(serde_json::from_slice(&done.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&done.stderr).into_owned())
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_path_comes_to_the_fills_and_the_book_of_the_flow() {
    for profile in ["narrow", "wide"] {
        let flow = Flow::made(profile, "same");
        let facts = std::fs::read_to_string(flow.facts()).unwrap();
        let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
        let floor = flow.played("floor-book", &[]).unwrap();
        let bare = flow.played("bare", &[]).unwrap();
        let full = flow.played("full", &[]).unwrap();
        assert_eq!(floor["checksum"], facts["checksum"]);
        assert_eq!(bare["checksum"], facts["checksum"]);
        assert_eq!(full["checksum"], facts["checksum"]);
        let reports = full["reports"]["reports"].as_u64().unwrap();
        assert_eq!(reports, 20_000 + facts["fills"].as_u64().unwrap());
        let again = flow.played("full", &["--mode", "lat"]).unwrap();
        for told in [flow.played("full", &["--batch", "1"]).unwrap(), again.clone()] {
            assert_eq!(told["state_hash"], full["state_hash"]);
            assert_eq!(told["reports"]["checksum"], full["reports"]["checksum"]);
        }
        assert_eq!(again["times"]["all"]["count"], 20_000);
    }
}

#[test]
fn a_path_that_comes_to_something_else_is_an_error() {
    let flow = Flow::made("narrow", "other");
    let facts = std::fs::read_to_string(flow.facts()).unwrap();
    std::fs::write(flow.facts(), facts.replace("\"fills\": ", "\"fills\": 1")).unwrap();
    for path in ["floor-book", "bare", "full"] {
        let told = flow.played(path, &[]).unwrap_err();
        assert!(told.contains("but the file says"), "{told}");
    }
    std::fs::write(flow.file(), [9; 16]).unwrap();
    let told = flow.played("full", &[]).unwrap_err();
    assert!(told.contains("record 0: its kind is none of 0 to 3"), "{told}");
}
