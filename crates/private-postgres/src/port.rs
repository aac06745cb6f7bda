//! Ports of this machine that servers of a private PostgreSQL and of tests listen at.

use std::net::{TcpListener, UdpSocket};

/// Where ports are looked for: below those that operating systems hand out to outgoing connections by themselves (Linux from 32768),
/// one of which could take the port while its server is away.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// How many ports are looked at before there is none.
const ATTEMPTS: u32 = 1_000;

/// A port on 127.0.0.1 at which nobody listened when it was taken, and that no other process takes this way as long as this value
/// lives, whether somebody listens there or not.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// The datagram socket of the same number says that it is taken: the kernel gives it to one process alone, and takes it back from
    /// a process however it ends.
    _taken: UdpSocket,
}

impl Port {
    /// Takes any free port.
    ///
    /// # Errors
    /// What the last of a thousand ports said.
    pub fn any() -> std::io::Result<Self> {
        let mut last = std::io::Error::other("no port was looked at");
        for _ in 0..ATTEMPTS {
            match Self::take(rand::random_range(RANGE)) {
                Ok(port) => return Ok(port),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Takes that port.
    ///
    /// # Errors
    /// When somebody has taken it, or listens there; and of 0, which is any port and none.
    pub fn take(number: u16) -> std::io::Result<Self> {
        if number == 0 {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        let taken = UdpSocket::bind(("127.0.0.1", number))?;
        TcpListener::bind(("127.0.0.1", number))?;
        Ok(Self {
            number,
            _taken: taken,
        })
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_once_until_it_is_let_go() {
        let ports: Vec<Port> = (0..8).map(|_| Port::any().unwrap()).collect();
        let numbers: Vec<u16> = ports.iter().map(Port::number).collect();
        for number in &numbers {
            // Nobody listens there yet, and all the same it is not free.
            Port::take(*number).unwrap_err();
        }
        drop(ports);
        // Others on this machine may have one of them by now, but hardly all.
        assert!(numbers.iter().any(|number| Port::take(*number).is_ok()));
    }

    #[test]
    fn a_port_at_which_somebody_listens_is_not_taken() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        Port::take(listener.local_addr().unwrap().port()).unwrap_err();
        Port::take(0).unwrap_err();
    }
}
