# Finds segments in films without a network, as an ordinary user. For CPUs: docker build --tag coarse2fine .
# For NVIDIA devices: docker build --build-arg DEVICE=cuda --tag coarse2fine . (and docker run --gpus all).
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS build

ARG DEVICE=cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /source
RUN python -m venv /opt/coarse2fine
ENV PATH=/opt/coarse2fine/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY constraints.txt ./
# The default wheels bring CUDA along. What torch itself needs comes with the installation below.
RUN if [ "$DEVICE" = cpu ]; then \
        pip install --no-deps --index-url "$TORCH_INDEX" --constraint constraints.txt torch torchvision; \
    fi
COPY LICENSE README.md pyproject.toml setup.cfg ./
COPY data ./data
COPY extract ./extract
COPY infer ./infer
COPY model ./model
COPY pipeline ./pipeline
RUN pip install --constraint constraints.txt '.[openvino,review]'

FROM python:${PYTHON}-slim

RUN useradd --uid 1000 --create-home coarse2fine && install -d -o coarse2fine -g coarse2fine /out
COPY --from=build /opt/coarse2fine /opt/coarse2fine
# With --read-only nothing but /out and /tmp can be written.
ENV PATH=/opt/coarse2fine/bin:$PATH PYTHONDONTWRITEBYTECODE=1 USER=coarse2fine HOME=/tmp \
    XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib TORCH_HOME=/tmp/torch HF_HOME=/tmp/huggingface \
    HF_HUB_OFFLINE=1 NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 1000:1000
WORKDIR /out
VOLUME /out
ENTRYPOINT ["coarse2fine"]
CMD ["--help"]
