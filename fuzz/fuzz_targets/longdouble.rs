#![no_main]

#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
#[path = "longdouble/oracle.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    aofstore_fuzz::longdouble::run(data);
    #[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
    oracle::run(data);
});
