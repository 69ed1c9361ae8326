"""Both programs once frozen: `coreset` is the command line, `coreset-studio` the window.

They share one analysis and one folder; the name of the executable says which is meant. Engine processes are started as
the same executable again and end in `freeze_support`.
"""

import socket
import sys
from multiprocessing import freeze_support
from pathlib import Path

# TensorFlow imports urllib3, which opens an internet socket just to see whether it could; with this it does not.
socket.has_ipv6 = False

if __name__ == "__main__":
    freeze_support()
    if Path(sys.executable).stem == "coreset":
        from coreset_studio.core.cli import main
    else:
        from coreset_studio.desktop_app.__main__ import main
    sys.exit(main())
