//! Cases read off Kubernetes' own unit tests, each run as a test of its own.
//!
//! The cases lie in a folder outside the repository: `CONFORMANCE_DIR`, or `../shared/conformance` beside it. A family
//! whose file is not there is one skipped test of its name. Format and meaning of the cases are in that folder's
//! `README.md` and in the `semantics` of each file; nothing here looks at a case's name.

mod cases;
mod hpa;

use libtest_mimic::Arguments;

fn main() {
    let arguments = Arguments::from_args();
    let folder = cases::folder();
    let trials = cases::trials(&folder, "hpa_", &hpa::FAMILIES);
    libtest_mimic::run(&arguments, trials).exit();
}
