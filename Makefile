# Every command is a thin line over `python -m shared …`, which works without make too.
#   make test DAY=w2d1 [EX=causal_mask] [DEVICE=cuda] [WHY=1] [V=1]
# PYTHON=/usr/bin/python3 uses an interpreter that already has everything, and installs nothing.

DAY ?=
EX ?=
DEVICE ?= cpu
IMPL ?=
V ?=
WHY ?=
LEVEL ?=
TORCH_BACKEND ?=
export DEVICE IMPL V WHY LEVEL

ifdef PYTHON
READY =
RUN = PYTHONPATH="$(CURDIR)$(if $(PYTHONPATH),:$(PYTHONPATH))" $(PYTHON) -m shared
else
READY = .venv/ready
RUN = .venv/bin/python -m shared
endif

.DEFAULT_GOAL = help
.PHONY: help setup test start hint show take reset watch progress demo bench doctor skeleton check strength need-day

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo "  For example: make test DAY=w2d1    make hint DAY=w2d1 EX=causal_mask"

setup: .venv/ready ## install everything into .venv (TORCH_BACKEND=cpu: the small build of torch)

.venv/ready: pyproject.toml constraints.txt
	@echo "Setting up .venv (once, about a minute)"
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || (echo "Python 3.11 or newer is needed; this is $$(python3 --version)" && exit 2)
	@test -x .venv/bin/python || python3 -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	@.venv/bin/uv pip install --quiet --python .venv/bin/python --compile-bytecode -e '.[author]' -c constraints.txt $(if $(TORCH_BACKEND),--torch-backend $(TORCH_BACKEND))
	@touch $@

test: $(READY) ## test your answers to a day (DAY=w2d1, EX=…), or without DAY the whole course
	@$(RUN) test $(DAY) $(EX)

start: $(READY) need-day ## copy a day's skeleton to answers/, where you work
	@$(RUN) start $(DAY)

hint: $(READY) need-day ## the next hint of an exercise (EX=…, LEVEL=2)
	@$(RUN) hint $(DAY) $(EX)

show: $(READY) need-day ## print the reference answer of an exercise
	@$(RUN) show $(DAY) $(EX)

take: $(READY) need-day ## put the reference answer into answers/; your version is kept
	@$(RUN) take $(DAY) $(EX)

reset: $(READY) need-day ## put a stub (or EX=attention.py, a whole file) back; your version is kept
	@$(RUN) reset $(DAY) $(EX)

watch: $(READY) need-day ## test again whenever a file is saved
	@$(RUN) watch $(DAY) $(EX)

progress: $(READY) ## all days on one board
	@$(RUN) progress

demo: $(READY) need-day ## the finished day at work; writes its pictures
	@$(RUN) demo $(DAY)

bench: $(READY) need-day ## speed next to the library that does the same job
	@$(RUN) bench $(DAY)

doctor: $(READY) ## what is wrong with this machine
	@$(RUN) doctor

skeleton: $(READY) ## for authors: make skeleton/ anew from solution/
	@$(RUN) skeleton $(DAY)

check: $(READY) ## for authors: do README, solution, tests and variants agree
	@$(RUN) check $(DAY)

strength: $(READY) ## for authors: how strong are the tests
	@$(RUN) strength $(DAY) $(EX)

need-day:
	@test -n "$(DAY)" || (echo "Which day? For example DAY=w2d1" && exit 2)
