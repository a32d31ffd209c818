//! Tells the code which Python it is built for, as `cfg(Py_3_10)` and its kin.

fn main() {
    #[cfg(feature = "python")]
    pyo3_build_config::use_pyo3_cfgs();
}
