# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made with openssl(1): keys of P-256, files in PEM."""
import pathlib
import ssl
import subprocess


def openssl(*words, **kwargs):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=60, **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Certificate:
    def __init__(self, cert, key):
        self.cert, self.key = cert, key


class Authority:
    """A CA: pki.Authority(dir, "ours").issue("server", "DNS:localhost,IP:127.0.0.1") -> Certificate"""

    def __init__(self, directory, name):
        self.dir = pathlib.Path(directory) / name
        self.dir.mkdir(parents=True)
        self.cert, self.key = self.dir / "ca.pem", self.dir / "ca.key"
        self.issued = 0
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out",
                self.cert, "-days", "30", "-subj", f"/CN=CA {name}")

    def issue(self, name, alternatives="", days=30):
        """@alternatives: what goes into subjectAltName. @days: -1: it expired yesterday."""
        self.issued += 1
        at = self.dir / f"{self.issued}"
        cert, key, request, extensions = (at.with_suffix(s) for s in (".pem", ".key", ".csr", ".ext"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request,
                "-subj", f"/CN={name}")
        extensions.write_text("basicConstraints=CA:FALSE\n" + (f"subjectAltName={alternatives}\n" if alternatives else ""))
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", days, "-extfile",
                extensions, "-out", cert)
        return Certificate(cert, key)


def wrapper(ca, own=None, name="localhost", alpn=("h2",), ciphers=None, **settings):
    """wrap(socket) makes TLS of it, as a client that trusts @ca (an Authority) and shows @own (a Certificate). @settings:
    attributes of ssl.SSLContext."""
    context = ssl.create_default_context(cafile=ca.cert)
    if own:
        context.load_cert_chain(own.cert, own.key)
    if alpn:
        context.set_alpn_protocols(alpn)
    if ciphers:
        context.set_ciphers(ciphers)
    for key, value in settings.items():
        setattr(context, key, value)
    return lambda s: context.wrap_socket(s, server_hostname=name)
