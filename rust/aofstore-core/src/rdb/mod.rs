//! Redis's snapshot format: single values as bytes (`value`, also DUMP and RESTORE), whole files (`file`).
//!
//! What is written is readable by every Redis >= 7 and every Valkey. Writing allocates nothing once it was prepared, takes
//! no lock and cannot panic: it runs in a forked child too. Reading trusts no byte of what it is given.

pub mod file;
pub mod value;
