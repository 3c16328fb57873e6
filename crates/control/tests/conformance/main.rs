//! Cases read off the unit tests of Kubernetes' HPA and VPA, each run as a test of its own.
//!
//! The cases lie in a folder outside the repository: `CONFORMANCE_DIR`, or `../shared/conformance` beside it. A family
//! whose file is not there is one skipped test of its name. Format and meaning of the cases are in that folder's
//! `README.md` and in the `semantics` of each file; nothing here looks at a case's name.

mod cases;
mod hpa;
mod vpa;

use libtest_mimic::Arguments;

fn main() {
    let arguments = Arguments::from_args();
    let folder = cases::folder();
    let trials = cases::trials(&folder, &[&hpa::FAMILIES[..], &vpa::FAMILIES[..]].concat());
    libtest_mimic::run(&arguments, trials).exit();
}
