# Every command is a thin line over `python -m shared …`, which works without make too.
#   make test DAY=w2d1 [EX=causal_mask] [DEVICE=cuda] [WHY=1] [V=1]
# PYTHON=/usr/bin/python3 uses an interpreter that already has everything, and installs nothing.
# Words reach the commands through the environment, so that no quote or space in them means anything to the shell.

DAY ?=
EX ?=
DEVICE ?= cpu
IMPL ?=
V ?=
WHY ?=
LEVEL ?=
TORCH_BACKEND ?=
BYO_MAKE = 1
ALL ?=
MINUTES ?=
export ALL MINUTES DAY EX DEVICE IMPL V WHY LEVEL TORCH_BACKEND PYTHON BYO_MAKE

SETUP = if command -v "$${PYTHON:-python3}" > /dev/null; then "$${PYTHON:-python3}" -IS shared/setup_venv.py; \
	else echo "Python 3.11 or newer is needed, and there is no $${PYTHON:-python3} here" >&2; exit 2; fi
ifdef PYTHON
READY = given
RUN = "$$PYTHON" -m shared
else
READY = ready
RUN = .venv/bin/python -m shared
endif
ONE = "$$DAY" $${EX:+"$$EX"}

# `test` ends with status 1 where an answer is wrong. That is a verdict and no error of make's, which would add "make: ***
# [Makefile:…] Error 1" to it. In its question mode (-q), make takes a status of 1 for an answer to the question, says
# nothing, and ends with it too; any other status is an error as always. Lines that begin with + run in that mode as well.
# Other programs must not hear of it. An older make than 4 says "Error 1" all the same.
ifeq ($(MAKECMDGOALS),test)
MAKEFLAGS += -q
unexport MAKEFLAGS
endif

.DEFAULT_GOAL = help
.PHONY: help setup ready given test start hint show take reset watch progress demo bench doctor skeleton check strength test-oldest need-day

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo "  For example: make test DAY=w2d1    make hint DAY=w2d1 EX=causal_mask"

setup: ## install everything into .venv (TORCH_BACKEND=cpu: the small build of torch)
	@$(SETUP)

ready:
	+@.venv/bin/python -IS shared/setup_venv.py --is-ready 2> /dev/null || $(SETUP)

given:
	+@command -v "$$PYTHON" > /dev/null || { echo "There is no PYTHON=$$PYTHON" >&2; exit 2; }

test: $(if $(EX),need-day) $(READY) ## test your answers (DAY=w2d1, EX=causal_mask or a section: EX=attention); without DAY, the whole course
	+@$(RUN) test $${DAY:+$(ONE)}

start: need-day $(READY) ## copy a day's skeleton to answers/, where you work
	@$(RUN) start "$$DAY"

hint: need-day $(READY) ## the next hint (EX=…, or without it of the next exercise; LEVEL=2)
	@$(RUN) hint $(ONE)

show: need-day $(READY) ## print the reference answer (EX=…, or without it of the next exercise)
	@$(RUN) show $(ONE)

take: need-day $(READY) ## put that answer into answers/; your version is kept
	@$(RUN) take $(ONE)

reset: need-day $(READY) ## put a stub (or EX=attention.py, a whole file) back; your version is kept
	@$(RUN) reset $(ONE)

watch: need-day $(READY) ## test again whenever a file is saved
	@$(RUN) watch $(ONE)

progress: $(READY) ## all days on one board
	@$(RUN) progress

demo: need-day $(READY) ## the finished day at work, with your answers once they pass; writes its pictures
	@$(RUN) demo "$$DAY"

bench: need-day $(READY) ## speed next to the library that does the same job
	@$(RUN) bench "$$DAY"

doctor: $(READY) ## what is wrong with this machine
	@$(RUN) doctor

skeleton: $(READY) ## for authors: make skeleton/ anew from solution/
	@$(RUN) skeleton $${DAY:+"$$DAY"}

check: $(READY) ## for authors: do README, solution, tests and variants agree
	@$(RUN) check $${DAY:+"$$DAY"}

strength: $(READY) ## for authors: how strong are the tests
	@$(RUN) strength $${DAY:+$(ONE)}

test-oldest: ready ## for authors: every day with the oldest versions that pyproject.toml allows, in .venv-oldest
	@.venv/bin/python -IS shared/oldest.py

need-day:
	+@test -n "$$DAY" || { echo "Which day? For example DAY=w2d1" >&2; exit 2; }
