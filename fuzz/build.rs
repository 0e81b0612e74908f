//! Builds the C library's opinion on numbers, see `fuzz_targets/longdouble`.

fn main() {
    const SOURCE: &str = "fuzz_targets/longdouble/oracle.c";
    println!("cargo::rerun-if-changed={SOURCE}");
    let target = std::env::var("TARGET").unwrap_or_default();
    if target == "x86_64-unknown-linux-gnu" {
        cc::Build::new().file(SOURCE).compile("oracle");
    }
}
