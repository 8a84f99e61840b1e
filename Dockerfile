# The image of SRE-Orchestrator. `docker build -t sre-orchestrator:0.1.0 .`; at run time it needs no network of its own.
#
# By digest, from a mirror:  --build-arg PYTHON_IMAGE=registry.internal/python@sha256:…
# Optional parts:            --build-arg EXTRAS=postgres,databases,documents,durable,local
#                            (names of pyproject.toml; postgres is in by default, for the others a compiler is installed)
#
# The folders are arguments, because tests/repository/test_dockerfile.py runs each RUN line below some other root.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG EXTRAS=postgres
ARG SOURCE=/src
ARG WHEELS=/wheels
ARG PROGRAM=/opt/sre-orchestrator
ARG STATE=/var/lib/sre-orchestrator
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# llama.cpp (the extra `local`) for any processor of the last ten years, without libraries that the last stage lacks;
# its common library is not used here, and takes half of the time
ENV CMAKE_ARGS="-DCMAKE_PROJECT_INCLUDE=${SOURCE}/no_common.cmake -DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON \
-DGGML_F16C=ON -DGGML_BMI2=ON -DGGML_OPENMP=OFF -DLLAVA_BUILD=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
-DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_OPENSSL=OFF"
COPY . ${SOURCE}
RUN if [ -n "${EXTRAS}" ] && [ "${EXTRAS}" != postgres ]; then \
      apt-get update && apt-get install -y --no-install-recommends cmake gcc g++ libc6-dev make && \
      echo 'set(LLAMA_BUILD_COMMON OFF)' >"${SOURCE}/no_common.cmake"; \
    fi
RUN python -m pip wheel --no-deps --wheel-dir "${WHEELS}" "${SOURCE}"
RUN python -m venv "${PROGRAM}"
RUN "${PROGRAM}/bin/python" -m pip install "$(echo "${WHEELS}"/sre_orchestrator-*.whl)${EXTRAS:+[${EXTRAS}]}"
# a model that embeds finds runbooks by meaning, too; txtai needs neither torch nor the rest of what it declares for that
RUN case ",${EXTRAS}," in *,local,*) \
      "${PROGRAM}/bin/python" -m pip install --no-deps "txtai>=9.14,<10" && \
      "${PROGRAM}/bin/python" -m pip install msgpack numpy pyyaml regex tqdm;; \
    esac
RUN mkdir -p "${STATE}"

FROM ${PYTHON_IMAGE}
ARG PROGRAM=/opt/sre-orchestrator
ARG STATE=/var/lib/sre-orchestrator
LABEL org.opencontainers.image.title="SRE-Orchestrator" \
      org.opencontainers.image.description="A virtual SRE engineer for Kubernetes" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build ${PROGRAM} ${PROGRAM}
COPY --from=build --chown=65532:65532 ${STATE} ${STATE}
ENV PATH=${PROGRAM}/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SRE_ORCHESTRATOR_STATE_DIR=${STATE}
RUN sre-orchestrator --version
USER 65532:65532
WORKDIR ${STATE}
EXPOSE 8080
ENTRYPOINT ["sre-orchestrator"]
CMD ["--help"]
