//! How many threads does a matrix product get? One: what runs side by side are batches and inputs.

/// Unless it is told, candle finds out the number of cores at every matrix product, by reading a file
/// that the kernel takes longer to write than most products take. A process cannot safely change what
/// its own environment says, so it begins again with one that says it.
pub fn settle() {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        const THREADS: &str = "RAYON_NUM_THREADS";
        let mut args = std::env::args_os();
        if std::env::var_os(THREADS).is_none()
            && let (Ok(own), Some(name)) = (std::env::current_exe(), args.next())
        {
            // Comes back only if it fails; then everything works all the same, slowly.
            let _ = std::process::Command::new(own).arg0(name).args(args).env(THREADS, "1").exec();
        }
    }
}
