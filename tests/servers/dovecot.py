"""Dovecot as a process of its own: IMAP on loopback, with and without TLS, any user has a mailbox of her own."""

import os
import shutil
import ssl
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import trustme
from imapclient import IMAPClient

from servers.process import free_port, running

PASSWORD = "a pass:wörd"  # both a colon and a non-ASCII letter, on purpose
_NOBODY = "nobody"
_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
disable_plaintext_auth = no
auth_failure_delay = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
default_vsz_limit = 0
default_process_limit = 30
mail_max_userip_connections = 0
first_valid_uid = 1
mail_location = {storage}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = username_format=anyone {folder}/passwd
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dovecot:
    """A running server: ``port`` takes plain connections and STARTTLS, ``tls_port`` TLS, ``folder`` is its own."""

    port: int
    tls_port: int
    folder: Path
    host: str = "localhost"
    password: str = PASSWORD

    @property
    def ca_file(self) -> Path:
        """The authority that the server's certificate is of."""
        return self.folder / "ca.pem"

    @contextmanager
    def owner(self, user: str, port: int | None = None) -> Iterator[IMAPClient]:
        """A connection of the owner's own program, which may write."""
        with IMAPClient("127.0.0.1", port or self.port, ssl=False, timeout=30) as client:
            client.normalise_times = False
            client.plain_login(user, self.password)
            yield client

    def deliver(self, user: str, mails: Sequence[tuple[bytes, datetime]], folder: str = "INBOX") -> None:
        """Put mails into a folder, which is made if it is not there; each with its INTERNALDATE."""
        with self.owner(user) as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            for mail, at in mails:
                client.append(folder, mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), (), at)


def dovecot_missing() -> str | None:
    """Why Dovecot cannot be started here, or None."""
    if _program() is None:
        return "dovecot is not installed (Debian: dovecot-imapd)"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "setpriv is not installed (Debian: util-linux), and dovecot keeps no mail of root's"
    return None


@contextmanager
def start_dovecot(storage: str = "mdbox:~/mdbox") -> Iterator[Dovecot]:
    """Dovecot with TLS by an authority of its own; as root it is run as nobody.  Skips the test where it is missing.

    Its folder is not pytest's, which only the one who runs the tests may enter.
    """
    reason = dovecot_missing()
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="dovecot-") as name:
        folder = Path(name)
        server = Dovecot(port=free_port(), tls_port=free_port(), folder=folder)
        _certify(folder)
        _configure(server, storage)
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, *_account())
        command = [*_as_account(), _program() or "", "-F", "-c", str(folder / "dovecot.conf")]
        with running(command, server.port, folder / "dovecot.log"):
            yield server


def _program() -> str | None:
    return shutil.which("dovecot", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


def _account() -> tuple[str, str]:
    import grp
    import pwd

    user = pwd.getpwnam(_NOBODY) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    return user.pw_name, grp.getgrgid(user.pw_gid).gr_name


def _as_account() -> list[str]:
    if os.geteuid() != 0:
        return []
    user, group = _account()
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]


def _configure(server: Dovecot, storage: str) -> None:
    import grp
    import pwd

    user, group = _account()
    text = _CONFIG.format(
        folder=server.folder,
        user=user,
        group=group,
        uid=pwd.getpwnam(user).pw_uid,
        gid=grp.getgrnam(group).gr_gid,
        port=server.port,
        tls_port=server.tls_port,
        storage=storage,
    )
    secret = b64encode(server.password.encode()).decode()
    (server.folder / "passwd").write_text(f"anyone:{{PLAIN.b64}}{secret}\n", "utf-8")
    (server.folder / "dovecot.conf").write_text(text, "utf-8")
    (server.folder / "mail").mkdir()
    (server.folder / "dovecot.log").touch()


def _certify(folder: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_pem.write_to_path(folder / "server.key")
    for part in certificate.cert_chain_pems:
        part.write_to_path(folder / "server.pem", append=True)


def trusting(server: Dovecot) -> ssl.SSLContext:
    """A context that trusts the server's authority only."""
    return ssl.create_default_context(cafile=str(server.ca_file))
