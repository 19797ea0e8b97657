import sys

if sys.version_info < (3, 11):  # noqa: UP036 (before anything is imported, which an older Python can't even read)
    version = ".".join(map(str, sys.version_info[:2]))
    sys.stderr.write("the course needs Python 3.11 or newer; this is " + version + ", " + sys.executable + "\n")
    raise SystemExit(2)

if __name__ == "__main__":
    try:
        from shared.cli import main

        status = main()
    except KeyboardInterrupt:
        status = 2
    raise SystemExit(status)
