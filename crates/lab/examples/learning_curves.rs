//! Writes `FOLDER/learning-curves.md` and its pictures from the curves in `FOLDER/learning-curves/ours` and, where there
//! are any of the same name, `…/peers`. The last step of `cargo xtask learn`; alone, it draws the page anew:
//!
//! `cargo run --release -p trimtab-lab --example learning_curves -- docs/reference`
#![expect(clippy::print_stdout, reason = "an example tells what it wrote")]

use std::error::Error;
use std::fs;
use std::path::Path;

use trimtab_lab::learning_curves::{Curve, Shown, page};
use trimtab_lab::report::learning_curve;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("expected the folder of the page")?;
    let folder = Path::new(&folder);
    let curves = folder.join("learning-curves");
    let mut names = vec![];
    for entry in fs::read_dir(curves.join("ours"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    let mut shown = vec![];
    for name in names {
        let read = |whose: &str| -> Result<Curve, Box<dyn Error>> {
            let path = curves.join(whose).join(format!("{name}.csv"));
            let text = fs::read_to_string(&path)?;
            Ok(Curve::read(&text).map_err(|why| format!("{}: {why}", path.display()))?)
        };
        let ours = read("ours")?;
        let there = curves.join("peers").join(format!("{name}.csv")).exists();
        let peers = if there { Some(read("peers")?) } else { None };
        let theirs = peers.as_ref().map(Curve::points).unwrap_or_default();
        fs::write(curves.join(format!("{name}.svg")), learning_curve(&ours.points(), &theirs))?;
        shown.push(Shown { name, ours, peers });
    }
    fs::write(folder.join("learning-curves.md"), page(&shown))?;
    println!("{} curves in {}", shown.len(), folder.join("learning-curves.md").display());
    Ok(())
}
