//! Network devices that this program is the wire of, and threads that live on another host's network.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

const CLONE_DEVICE: &str = "/dev/net/tun";
/// `struct ifreq`: the name, the flags, and what other requests have behind them.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    flags: libc::c_short,
    rest: [u8; 22],
}

/// Makes a device on this process's network; what its host sends is read from the file, what it is to get is written.
/// The packets are those of IP, without anything before them.
pub(super) fn make(name: &str) -> Result<File> {
    ensure!(name.len() < libc::IFNAMSIZ, "{name}: too long for a network device");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(CLONE_DEVICE)
        .with_context(|| format!("opening {CLONE_DEVICE}"))?;
    let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    let mut request = Request { name: [0; libc::IFNAMSIZ], flags, rest: [0; 22] };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    #[expect(unsafe_code, reason = "no safe call makes a network device")]
    // SAFETY: the descriptor lives until after the call; the request has the size and layout of a struct ifreq.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw const request) };
    if answer != 0 {
        return Err(io::Error::last_os_error()).with_context(|| format!("making the network device {name}"));
    }
    Ok(file)
}

/// From here on, sockets of the calling thread are those of another host.
pub(super) fn move_thread(network: &Path) -> io::Result<()> {
    let file = File::open(network)?;
    #[expect(unsafe_code, reason = "no safe call of the libraries we have moves a thread to a network")]
    // SAFETY: the descriptor lives until after the call, which touches no memory of this program.
    let answer = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
