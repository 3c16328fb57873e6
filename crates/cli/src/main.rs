//! trimtab
fn main() {}
