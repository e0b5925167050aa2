# mhub: a marketing hub in PostgreSQL.
#   make, make install, make installcheck   the usual PGXS targets, against the PostgreSQL of PG_CONFIG
#   make demo [LOG=path], make test, make bench   set everything up by themselves, in a private cluster below .cluster/
EXTENSION  = mhub
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" mhub.control)

MODULE_big = mhub
OBJS       = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
INTERNAL_HEADERS = $(wildcard src/*.h src/*/*.h)

SCRIPT     = sql/mhub--$(EXTVERSION).sql
DATA       = $(wildcard sql/upgrade/*.sql)
DATA_built = $(SCRIPT)
EXTRA_CLEAN = $(SCRIPT) test/build tmp_check src/common/version.h

PG_CONFIG ?= pg_config
# The server's headers are included as system headers, so that our own code can be held to -Wextra.
PG_CPPFLAGS = -isystem $(shell $(PG_CONFIG) --includedir-server 2>/dev/null) -I$(CURDIR)/src
PG_CFLAGS   = -Wall -Wextra -Werror
SHLIB_LINK  = -lcurl -lcrypto -lmaxminddb -lz

# pg_regress 15 wants its inputs and expected outputs below one folder, which it also writes to: $(STAGE) links them.
STAGE         ?= $(CURDIR)/test/build
REGRESS        = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
ISOLATION      = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
STAGED         = --inputdir=$(STAGE) --outputdir=$(STAGE) --load-extension=mhub --encoding=UTF8
REGRESS_OPTS   = $(STAGED)
ISOLATION_OPTS = $(STAGED)
TAP_TESTS      = 1
PROVE_TESTS    = $(sort $(wildcard test/t/*.pl))

# JIT bitcode would double the build time, and nothing here is worth inlining into a query.
override with_llvm = no

# demo, test and bench install PostgreSQL where it is missing, so its absence is no error before they have run.
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(PGXS),)
include $(PGXS)
# Behind the include, which sets it.
PROVE_FLAGS += -I test/t
else
all install installcheck:
	@echo "$(PG_CONFIG) does not run: install PostgreSQL's server headers (test/tools/packages.sh does) or set PG_CONFIG" >&2; exit 1
endif

$(OBJS): $(INTERNAL_HEADERS) src/common/version.h

src/common/version.h: mhub.control
	printf '/* written by make from mhub.control */\n#define MHUB_VERSION "%s"\n' '$(EXTVERSION)' > $@

# The folders themselves, too: their times tell that a file was renamed or removed.
$(SCRIPT): $(wildcard sql/extension/*.sql sql/hub/*.sql) sql/extension sql/hub sql/pack.sh mhub.control
	sh sql/pack.sh > $@.new && mv $@.new $@

submake: stage
stage: $(SCRIPT)
	rm -rf $(STAGE)/sql $(STAGE)/specs $(STAGE)/data $(STAGE)/expected $(STAGE)/results
	mkdir -p $(STAGE)/results
	ln -s $(CURDIR)/test/sql $(CURDIR)/test/specs $(CURDIR)/test/data $(CURDIR)/expected $(STAGE)/

demo test bench doc-reference: ; @sh test/tools/$@.sh
# "test" and "doc" are also folders, so these names must be phony.
.PHONY: stage demo test bench doc-reference
