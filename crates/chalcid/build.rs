//! Tells the code cache which build of the engine this is: by a hash of the sources that decide what code looks like and what it
//! relies on. Published crates of one version always have the same sources; beside each other in a work tree they do not.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Crates whose sources count, seen from this one.
const CRATES: [&str; 4] = ["../chalcid-module", "../chalcid-compiler", "../chalcid-vm", "."];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let mut files = Vec::new();
    for krate in CRATES {
        let sources = Path::new(krate).join("src");
        if sources.is_dir() {
            println!("cargo:rerun-if-changed={}", sources.display());
            collect(&sources, &mut files);
        }
    }
    files.sort();
    let mut hash = [0xcbf2_9ce4_8422_2325_u64, 0x8422_2325_cbf2_9ce4];
    for file in &files {
        add(&mut hash, file.to_string_lossy().as_bytes());
        add(&mut hash, &fs::read(file).unwrap_or_default());
    }
    let target = env::var("TARGET").unwrap_or_default();
    println!("cargo:rustc-env=CHALCID_BUILD_ID={:016x}{:016x}-{target}", hash[0], hash[1]);
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// FNV-1a, twice with different starts: nobody attacks this, it only must not collide by chance.
fn add(hash: &mut [u64; 2], bytes: &[u8]) {
    for byte in bytes.iter().copied().chain([0xff]) {
        for (lane, hash) in hash.iter_mut().enumerate() {
            *hash = (*hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(lane as u32);
        }
    }
}
